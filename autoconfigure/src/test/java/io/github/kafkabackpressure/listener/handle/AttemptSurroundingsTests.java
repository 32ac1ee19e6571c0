package io.github.kafkabackpressure.listener.handle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

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
    void whatAnInterceptorThrowsAfterwardsGoesNoFurther() {
        assertThatCode(() -> AttemptSurroundings.afterwards(
                        () -> {
                            throw new IllegalStateException("of an interceptor");
                        },
                        "the interceptor"))
                .doesNotThrowAnyException();
    }
}
