package io.github.kafkabackpressure.producer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.SendOutcome;
import io.github.kafkabackpressure.producer.spool.UndeliveredStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.serialization.StringSerializer;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.springframework.kafka.support.SendResult;

/** Records in flight when Kafka's own thread is busy in a callback: it neither flushes nor closes nor calls back. */
@Timeout(60)
class UnansweredSendsTests {

    private final CountDownLatch callbackEnds = new CountDownLatch(1);

    private final List<String> kept = new ArrayList<>();

    /** Hands out no answer but the first. */
    private final MockProducer<String, String> kafka =
            new MockProducer<>(false, null, new StringSerializer(), new StringSerializer()) {

                @Override
                public void flush() {
                    awaitCallback();
                }
            };

    private final List<CompletableFuture<SendResult<String, String>>> futures = new ArrayList<>();

    @AfterEach
    void endCallback() {
        callbackEnds.countDown();
    }

    @Test
    void areKeptInTheirOrderWhereThereIsASpool() {
        SendPipeline<String, String> pipeline = pipeline(new KeptValues(kept));
        sendWithABusyCallback(pipeline);

        ProducerFlushReport report = shutDown(pipeline);

        assertThat(kept).containsExactly("v1", "v2", "v3", "v4");
        assertThat(futures.subList(1, 5)).allMatch(CompletableFuture::isCompletedExceptionally);
        assertThat(report.spooled()).isEqualTo(4);
        assertThat(report.keptAll()).isTrue();
        assertThat(report.unanswered()).isZero();
        assertThat(pipeline.stats().inFlight()).isZero();
        assertThat(report.toString()).contains("topic: 4 are kept in the spool for the next start");

        pipeline.reopen();
        callbackEnds.countDown();
        while (kafka.completeNext()) {} // answers that come too late change nothing
        assertThat(pipeline.stats().ended(SendOutcome.SPOOLED)).isEqualTo(4);
        assertThat(pipeline.stats().inFlight()).isZero();
    }

    @Test
    void areCountedInTheReportWhereThereIsNone() {
        SendPipeline<String, String> pipeline = pipeline(null);
        sendWithABusyCallback(pipeline);

        ProducerFlushReport report = shutDown(pipeline);

        assertThat(report.unanswered()).isEqualTo(4);
        assertThat(report.notDelivered()).isEqualTo(4);
        assertThat(report.complete()).isFalse();
        assertThat(report.keptAll()).isFalse();
        assertThat(report.toString()).contains("4 have no answer from the producer yet");
    }

    /** One by the sender's hand, one by the caller's, and so on. */
    private void sendWithABusyCallback(SendPipeline<String, String> pipeline) {
        for (String value : List.of("first", "v1", "v2", "v3", "v4")) {
            ProducerRecord<String, String> record = new ProducerRecord<>("topic", value);
            futures.add(futures.size() % 2 == 0 ? pipeline.trySend(record, 5, null) : pipeline.send(record, 5, null));
            int sent = futures.size();
            Awaitility.await().until(() -> kafka.history().size() == sent);
        }
        CountDownLatch busy = new CountDownLatch(1);
        CompletableFuture<?> unused = futures.get(0).whenComplete((sent, failed) -> {
            busy.countDown();
            awaitCallback();
        });
        new Thread(kafka::completeNext).start();
        Awaitility.await().until(() -> busy.getCount() == 0);
        assertThat(unused).isNotDone();
    }

    private ProducerFlushReport shutDown(SendPipeline<String, String> pipeline) {
        return new Shutdown(
                        List.of(pipeline),
                        () -> List.of(new LiveProducer("producer", kafka, this::awaitCallback)),
                        Duration.ofMillis(300))
                .run();
    }

    private SendPipeline<String, String> pipeline(@Nullable UndeliveredStore<String, String> store) {
        return new SendPipeline<>(
                "template", ProducerOptions.defaults(), null, store, new ToProducer(() -> kafka), System::nanoTime);
    }

    private void awaitCallback() {
        try {
            callbackEnds.await();
        } catch (InterruptedException e) {
            throw new InterruptException(e);
        }
    }
}
