package io.github.kafkabackpressure.producer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.SendOutcome;
import io.github.kafkabackpressure.producer.spool.Undelivered;
import io.github.kafkabackpressure.producer.spool.UndeliveredStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.Test;
import org.springframework.kafka.support.SendResult;

/** Records of an earlier run that are still being sent when the next shutdown begins. */
class ReplayAtShutdownTests {

    private final MockProducer<String, String> kafka =
            new MockProducer<>(true, null, new StringSerializer(), new StringSerializer());

    private final Store store = new Store();

    private final SendPipeline<String, String> pipeline = new SendPipeline<>(
            "template", ProducerOptions.defaults(), null, store, new ToProducer(() -> kafka), System::nanoTime);

    @Test
    void whatWaitsIsKeptBehindOlderRecordsThatAShutdownLeaves() throws Exception {
        CompletableFuture<SendResult<String, String>> future = sendWhileReplaying();

        shutDown(Duration.ofMillis(400));

        assertThat(kafka.history()).isEmpty();
        assertThat(store.kept).hasSize(1);
        assertThat(future).isCompletedExceptionally();
        assertThat(pipeline.stats().ended(SendOutcome.SPOOLED)).isEqualTo(1);
        assertThat(pipeline.isIdle()).isTrue();
    }

    @Test
    void whatWaitsIsSentByAShutdownInWhichTheReplayEnds() throws Exception {
        CompletableFuture<SendResult<String, String>> future = sendWhileReplaying();
        pipeline.closeIntake();

        store.end.countDown();
        shutDown(Duration.ofSeconds(20));

        assertThat(kafka.history()).hasSize(1);
        assertThat(store.kept).isEmpty();
        assertThat(future).isCompleted();
    }

    private CompletableFuture<SendResult<String, String>> sendWhileReplaying() throws InterruptedException {
        pipeline.open();
        assertThat(store.begun.await(10, TimeUnit.SECONDS)).isTrue();
        return pipeline.send(new ProducerRecord<>("topic", "newer"), 5, null);
    }

    private void shutDown(Duration time) {
        if (pipeline.isOpen()) {
            pipeline.closeIntake();
        }
        assertThat(pipeline.awaitHandedOver(System.nanoTime() + time.toNanos())).isTrue();
        pipeline.endUndelivered("in this test");
    }

    /** Has older records, which are sent when {@link #end} says so. */
    private static final class Store implements UndeliveredStore<String, String> {

        final CountDownLatch begun = new CountDownLatch(1);
        final CountDownLatch end = new CountDownLatch(1);
        final List<Undelivered<String, String>> kept = new ArrayList<>();

        @Override
        public boolean replay(BooleanSupplier mayGoOn) {
            begun.countDown();
            try {
                end.await();
                return true;
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return mayGoOn.getAsBoolean();
            }
        }

        @Override
        public <S extends Undelivered<String, String>> Set<S> keep(List<S> undelivered, BooleanSupplier mayKeep) {
            kept.addAll(undelivered);
            return new HashSet<>(undelivered);
        }
    }
}
