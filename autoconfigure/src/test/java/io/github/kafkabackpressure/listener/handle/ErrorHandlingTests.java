package io.github.kafkabackpressure.listener.handle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.util.List;
import java.util.stream.Stream;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.springframework.kafka.listener.CommonContainerStoppingErrorHandler;
import org.springframework.kafka.listener.CommonDelegatingErrorHandler;
import org.springframework.kafka.listener.CommonErrorHandler;
import org.springframework.kafka.listener.CommonLoggingErrorHandler;
import org.springframework.kafka.listener.CommonMixedErrorHandler;
import org.springframework.kafka.listener.DefaultErrorHandler;
import org.springframework.kafka.listener.MessageListenerContainer;

class ErrorHandlingTests {

    static class DoesNothing implements CommonErrorHandler {}

    static class Answers implements CommonErrorHandler {

        @Override
        public boolean handleOne(
                Exception exception, ConsumerRecord<?, ?> record, Consumer<?, ?> consumer, MessageListenerContainer c) {
            return true;
        }
    }

    static class OnlySeeks implements CommonErrorHandler {

        @Override
        public boolean seeksAfterHandling() {
            return true;
        }

        @Override
        public void handleRemaining(
                Exception exception,
                List<ConsumerRecord<?, ?>> records,
                Consumer<?, ?> consumer,
                MessageListenerContainer c) {}
    }

    static class SaysThatItSeeks extends Answers {

        @Override
        public boolean seeksAfterHandling() {
            return true;
        }
    }

    private static CommonErrorHandler delegating(CommonErrorHandler fallback, CommonErrorHandler delegate) {
        CommonDelegatingErrorHandler handler = new CommonDelegatingErrorHandler(fallback);
        handler.addDelegate(IllegalStateException.class, delegate);
        return handler;
    }

    private static DefaultErrorHandler withoutSeeks() {
        DefaultErrorHandler handler = new DefaultErrorHandler();
        handler.setSeekAfterError(false);
        return handler;
    }

    static Stream<CommonErrorHandler> ofRecords() {
        return Stream.of(
                new DefaultErrorHandler(),
                withoutSeeks(),
                new CommonLoggingErrorHandler(),
                new CommonContainerStoppingErrorHandler(),
                new Answers(),
                new OnlySeeks(),
                new CommonMixedErrorHandler(new OnlySeeks(), new DoesNothing()),
                delegating(new DefaultErrorHandler(), new CommonContainerStoppingErrorHandler()),
                delegating(withoutSeeks(), new CommonLoggingErrorHandler()),
                delegating(new DefaultErrorHandler(), delegating(new OnlySeeks(), new OnlySeeks())));
    }

    @ParameterizedTest
    @MethodSource("ofRecords")
    void takesHandlersThatDecideOnRecords(CommonErrorHandler handler) {
        assertThatCode(() -> ErrorHandling.check(handler, false)).doesNotThrowAnyException();
    }

    @Test
    void refusesAHandlerThatWouldSkipRecordsWithoutDoingAnything() {
        assertThatIllegalStateException()
                .isThrownBy(() -> ErrorHandling.check(new DoesNothing(), false))
                .withMessageContaining("DoesNothing does not implement handleOne()")
                .withMessageContaining("use a DefaultErrorHandler");
    }

    @Test
    void refusesAHandlerThatSaysItSeeksButDoesNot() {
        assertThatIllegalStateException()
                .isThrownBy(() -> ErrorHandling.check(new SaysThatItSeeks(), false))
                .withMessageContaining("does not implement handleRemaining() though seeksAfterHandling() is true");
    }

    @Test
    void refusesADelegateThatWouldSkipRecords() {
        assertThatIllegalStateException()
                .isThrownBy(() -> ErrorHandling.check(delegating(withoutSeeks(), new DoesNothing()), false))
                .withMessageContaining("DoesNothing")
                .withMessageContaining("which CommonDelegatingErrorHandler would call");
        assertThatIllegalStateException()
                .isThrownBy(() -> ErrorHandling.check(
                        new CommonMixedErrorHandler(new DoesNothing(), new DefaultErrorHandler()), false))
                .withMessageContaining("which CommonMixedErrorHandler would call");
    }

    @Test
    void looksAtDelegatesWhereSpringKafkaKeepsThem() {
        CommonErrorHandler one = new DefaultErrorHandler();
        CommonErrorHandler other = new DefaultErrorHandler();
        assertThat(ErrorHandling.delegatesIn(delegating(one, other), "defaultErrorHandler"))
                .containsExactly(one);
        assertThat(ErrorHandling.delegatesIn(delegating(one, other), "delegates"))
                .containsExactly(other);
        CommonErrorHandler mixed = new CommonMixedErrorHandler(one, other);
        assertThat(ErrorHandling.delegatesIn(mixed, "recordErrorHandler")).containsExactly(one);
        assertThat(ErrorHandling.delegatesIn(mixed, "batchErrorHandler")).containsExactly(other);
    }

    @Test
    void takesADelegatingHandlerAsItIsIfItCannotBeLookedAt() {
        assertThat(ErrorHandling.delegatesIn(delegating(new DoesNothing(), new DoesNothing()), "renamed"))
                .isEmpty();
    }

    static Stream<CommonErrorHandler> ofBatches() {
        return Stream.of(
                new DefaultErrorHandler(),
                withoutSeeks(),
                new CommonLoggingErrorHandler(),
                new CommonContainerStoppingErrorHandler(),
                new CommonMixedErrorHandler(new DoesNothing(), new DefaultErrorHandler()),
                delegating(new DefaultErrorHandler(), new CommonContainerStoppingErrorHandler()));
    }

    @ParameterizedTest
    @MethodSource("ofBatches")
    void takesHandlersThatDecideOnBatches(CommonErrorHandler handler) {
        assertThatCode(() -> ErrorHandling.check(handler, true)).doesNotThrowAnyException();
    }

    @Test
    void refusesAHandlerThatWouldSkipBatches() {
        assertThatIllegalStateException()
                .isThrownBy(() -> ErrorHandling.check(new Answers(), true))
                .withMessageContaining("neither handleBatchAndReturnRemaining() nor handleBatch()");
    }

    @Test
    void refusesADelegateWhoseRestOfABatchWouldBeThrownAway() {
        assertThatIllegalStateException()
                .isThrownBy(
                        () -> ErrorHandling.check(delegating(withoutSeeks(), new CommonLoggingErrorHandler()), true))
                .withMessageContaining("setSeekAfterError(true)");
    }
}
