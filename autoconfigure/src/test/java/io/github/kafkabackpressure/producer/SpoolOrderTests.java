package io.github.kafkabackpressure.producer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.SendOutcome;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** In which order a store is given what a shutdown could not deliver. */
@Timeout(60)
class SpoolOrderTests {

    private final CountDownLatch waiting = new CountDownLatch(1);
    private final List<String> kept = new ArrayList<>();
    private final SendPipeline<String, String> pipeline = new SendPipeline<>(
            "template",
            ProducerOptions.defaults(),
            null,
            new KeptValues(kept),
            new ToProducer(Away::new),
            System::nanoTime);

    @Test
    void recordsThatAreRefusedForTheSakeOfOneThatWasCutShortAreKeptBehindIt() throws Exception {
        List<String> values = Stream.of("v1", "v2", "v3", "v4", "v5").toList();
        values.forEach(value -> pipeline.trySend(new ProducerRecord<>("topic", value), 5, null));
        assertThat(waiting.await(10, TimeUnit.SECONDS)).isTrue();

        new Shutdown(List.of(pipeline), List::of, Duration.ofSeconds(2)).run();

        assertThat(kept).isEqualTo(values);
        assertThat(pipeline.stats().ended(SendOutcome.SPOOLED)).isEqualTo(5);
    }

    /** A cluster whose metadata never comes. */
    private final class Away extends MockProducer<String, String> {

        Away() {
            super(true, null, new StringSerializer(), new StringSerializer());
        }

        @Override
        public Future<RecordMetadata> send(ProducerRecord<String, String> record, Callback callback) {
            waiting.countDown();
            try {
                TimeUnit.HOURS.sleep(1);
            } catch (InterruptedException e) {
                throw new InterruptException(e);
            }
            throw new AssertionError("slept for an hour");
        }
    }
}
