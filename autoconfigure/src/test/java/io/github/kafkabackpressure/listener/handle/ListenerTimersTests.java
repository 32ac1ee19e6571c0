package io.github.kafkabackpressure.listener.handle;

import static org.assertj.core.api.Assertions.assertThatCode;

import io.github.kafkabackpressure.listener.task.ConsumerLink;
import io.github.kafkabackpressure.listener.task.RunFailure;
import java.time.Duration;
import org.apache.kafka.clients.consumer.MockConsumer;
import org.junit.jupiter.api.Test;

class ListenerTimersTests {

    @Test
    void whateverATimerThrowsTheRecordsHaveBeenHandled() {
        ListenerTimers timers = new ListenerTimers(
                name -> {
                    throw new LinkageError("of a registry");
                },
                false);
        MockConsumer<String, String> consumer = new MockConsumer<>("earliest");
        ConsumerLink link = new ConsumerLink(consumer, () -> {}, new RunFailure(), System::nanoTime);

        assertThatCode(() -> timers.tell(link, 8, 300, null)).doesNotThrowAnyException();
        assertThatCode(() -> timers.tell(link, 8, 300, new IllegalStateException("of the listener")))
                .doesNotThrowAnyException();
        consumer.close(Duration.ZERO);
    }
}
