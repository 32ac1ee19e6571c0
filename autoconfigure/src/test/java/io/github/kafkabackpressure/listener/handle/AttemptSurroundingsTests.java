package io.github.kafkabackpressure.listener.handle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationHandler;
import io.micrometer.observation.ObservationRegistry;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.junit.jupiter.api.Test;
import org.springframework.kafka.listener.ListenerExecutionFailedException;

class AttemptSurroundingsTests {

    private final AttemptSurroundings surroundings = new AttemptSurroundings(
            "orders-group", new RecordHeader("info", new byte[] {7}), ObservationRegistry.NOOP, null, () -> null, null);

    @Test
    void aRecordHasTheListenersHeaderOnceHoweverOftenItIsAttempted() {
        ConsumerRecord<String, String> record = new ConsumerRecord<>("orders", 0, 0, "key", "value");

        surroundings.addListenerInfo(record);
        surroundings.addListenerInfo(record);

        assertThat(record.headers().headers("info"))
                .singleElement()
                .satisfies(header -> assertThat(header.value()).containsExactly(7));
    }

    @Test
    void whatTheMethodThrewIsTheCauseOfAFailureThatNamesTheGroup() {
        IllegalStateException thrown = new IllegalStateException("no stock");

        assertThat(surroundings.decorated(thrown))
                .isInstanceOfSatisfying(
                        ListenerExecutionFailedException.class,
                        failure -> assertThat(failure.getGroupId()).isEqualTo("orders-group"))
                .hasCause(thrown);
    }

    @Test
    void aFailureThatTheAdapterHasWrappedIsNotWrappedAgainAndKeepsItsMessageAndItsTrace() {
        IllegalStateException thrown = new IllegalStateException("no stock");
        ListenerExecutionFailedException wrapped = new ListenerExecutionFailedException("by the adapter", thrown);

        assertThat(surroundings.decorated(wrapped))
                .isInstanceOfSatisfying(
                        ListenerExecutionFailedException.class,
                        failure -> assertThat(failure.getGroupId()).isEqualTo("orders-group"))
                .hasMessageContaining("by the adapter")
                .hasCause(thrown)
                .satisfies(failure -> assertThat(failure.getStackTrace()).isEqualTo(wrapped.getStackTrace()));
    }

    @Test
    void anObservationWhoseHandlerThrowsLeavesTheThreadWithTheOneItHad() {
        ObservationRegistry observed = ObservationRegistry.create();
        observed.observationConfig().observationHandler(new ObservationHandler<>() {
            @Override
            public void onScopeOpened(Observation.Context of) {
                if ("opening".equals(of.getName())) {
                    throw new IllegalStateException("of a handler");
                }
            }

            @Override
            public void onScopeClosed(Observation.Context of) {
                if ("closing".equals(of.getName())) {
                    throw new IllegalStateException("of a handler");
                }
            }

            @Override
            public boolean supportsContext(Observation.Context of) {
                return true;
            }
        });
        AttemptSurroundings of = new AttemptSurroundings(null, null, observed, null, () -> null, null);
        Observation outer = Observation.start("outer", observed);
        try (Observation.Scope ignored = outer.openScope()) {
            Observation opening = Observation.start("opening", observed);
            assertThatThrownBy(() -> of.openScope(opening)).isInstanceOf(IllegalStateException.class);
            assertThat(observed.getCurrentObservation()).isSameAs(outer);

            Observation closing = Observation.start("closing", observed);
            Observation.Scope scope = of.openScope(closing);
            assertThat(observed.getCurrentObservation()).isSameAs(closing);
            of.close(scope);
            assertThat(observed.getCurrentObservation()).isSameAs(outer);
        }
        assertThat(observed.getCurrentObservation()).isNull();
    }

    @Test
    void whatAnInterceptorThrowsAfterwardsGoesNoFurther() {
        assertThatCode(() -> AttemptSurroundings.afterwards(
                        () -> {
                            throw new IllegalStateException("of an interceptor");
                        },
                        "the interceptor"))
                .doesNotThrowAnyException();
    }
}
