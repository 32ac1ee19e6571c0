package io.github.kafkabackpressure.producer;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.kafka.support.LoggingProducerListener;
import org.springframework.kafka.support.SendResult;

/** Logs say which topic and why, and nothing of a record. */
@ExtendWith(OutputCaptureExtension.class)
class FailedSendsLogTests {

    private static final String SECRET = "card=4111";

    private final MockProducer<String, String> kafka =
            new MockProducer<>(true, null, new StringSerializer(), new StringSerializer()) {

                @Override
                public Future<RecordMetadata> send(ProducerRecord<String, String> record, Callback callback) {
                    throw new SerializationException("Cannot serialize " + record.value());
                }
            };

    @Test
    void springsOwnListenerIsReplacedByOneThatLogsNoContents(CapturedOutput output) {
        BackpressuredKafkaTemplate<String, String> template = new BackpressuredKafkaTemplate<>(
                "template", () -> kafka, ProducerOptions.defaults(), ProducerMetrics.NOOP);
        template.setProducerListener(new LoggingProducerListener<>());

        CompletableFuture<SendResult<String, String>> future =
                template.send("topic", SECRET + "\nERROR forged", SECRET);

        assertThat(future).isCompletedExceptionally();
        assertThat(output).contains("A record for topic topic was not sent", "SerializationException");
        assertThat(output).doesNotContain(SECRET);
    }

    @Test
    void onlyKafkasOwnMessagesAreShown() {
        assertThat(Failures.describe(new IllegalStateException(SECRET, new TimeoutException("after\n60 ms"))))
                .isEqualTo("java.lang.IllegalStateException, caused by "
                        + "org.apache.kafka.common.errors.TimeoutException: after 60 ms");
        assertThat(Failures.describe(new SerializationException(SECRET))).doesNotContain(SECRET);
    }
}
