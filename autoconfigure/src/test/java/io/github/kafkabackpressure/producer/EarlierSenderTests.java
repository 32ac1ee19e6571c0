package io.github.kafkabackpressure.producer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.SendOutcome;
import io.github.kafkabackpressure.producer.spool.Undelivered;
import io.github.kafkabackpressure.producer.spool.UndeliveredStore;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.serialization.StringSerializer;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.kafka.support.SendResult;

/** A sender that hangs in foreign code through a shutdown, and goes on when its template has been opened again. */
@Timeout(60)
class EarlierSenderTests {

    private static final Duration TIMEOUT = Duration.ofMillis(400);

    /** The hang of the earlier sender: nothing ends it but this. */
    private final Hang first = new Hang();

    /** Keeps the later sender from taking anything until the earlier one has ended. */
    private final Hang second = new Hang();

    private final MockProducer<String, String> kafka =
            new MockProducer<>(true, null, new StringSerializer(), new StringSerializer());

    @AfterEach
    void endHangs() {
        first.end.countDown();
        second.end.countDown();
    }

    @Test
    void oneThatHangsInTheReplayLeavesLaterRecordsAlone() throws Exception {
        AtomicInteger replays = new AtomicInteger();
        UndeliveredStore<String, String> store = new UndeliveredStore<>() {

            @Override
            public boolean replay(BooleanSupplier mayGoOn) {
                boolean earlier = replays.getAndIncrement() == 0;
                (earlier ? first : second).run();
                return !earlier;
            }

            @Override
            public <S extends Undelivered<String, String>> Set<S> keep(List<S> undelivered, BooleanSupplier mayKeep) {
                return mayKeep.getAsBoolean() ? new HashSet<>(undelivered) : Set.of();
            }
        };
        SendPipeline<String, String> pipeline = pipeline(store, () -> {});
        pipeline.open();
        first.awaitBegun();
        shutDown(pipeline);
        pipeline.reopen();

        assertThatALaterRecordIsDelivered(pipeline);
    }

    @Test
    void oneThatHangsInALookAtATopicLeavesLaterRecordsAlone() throws Exception {
        AtomicInteger looks = new AtomicInteger();
        SendPipeline<String, String> pipeline =
                pipeline(null, () -> (looks.getAndIncrement() == 0 ? first : second).run());
        CompletableFuture<SendResult<String, String>> earlier = pipeline.trySend(record("earlier"), 5, null);
        first.awaitBegun();
        shutDown(pipeline);

        assertThat(earlier).isCompletedExceptionally();
        assertThat(pipeline.stats().inFlight()).as("places that a hang keeps").isZero();
        pipeline.reopen();
        assertThatALaterRecordIsDelivered(pipeline);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void oneThatHangsInALookBeforeAHandOverLeavesNothingBehind(boolean topicHasGone) throws Exception {
        AtomicInteger looks = new AtomicInteger();
        MockProducer<String, String> gone =
                new MockProducer<>(true, null, new StringSerializer(), new StringSerializer()) {

                    @Override
                    public List<PartitionInfo> partitionsFor(String topic) {
                        if (topicHasGone && first.end.getCount() == 0) {
                            throw new TimeoutException("in this test");
                        }
                        return List.of();
                    }
                };
        SendPipeline<String, String> pipeline = pipeline(gone, null, () -> {
            if (looks.getAndIncrement() == 0) {
                awaitNextMillisecond(); // what this look finds is too old for the next one
            } else {
                first.run();
            }
        });
        CompletableFuture<SendResult<String, String>> earlier = pipeline.trySend(record("earlier"), 5, null);
        first.awaitBegun();
        shutDown(pipeline);
        assertThat(earlier).isCompletedExceptionally();
        assertThat(pipeline.stats().inFlight()).isZero();
        pipeline.reopen();
        first.end();

        assertThat(pipeline.isIdle()).isTrue();
        assertThat(pipeline.stats().buffered()).isZero();
        assertThat(pipeline.stats().inFlight()).isZero();
        assertThat(gone.history()).isEmpty();
    }

    private void assertThatALaterRecordIsDelivered(SendPipeline<String, String> pipeline) throws Exception {
        CompletableFuture<SendResult<String, String>> later = pipeline.trySend(record("later"), 5, null);
        second.awaitBegun();

        first.end();
        assertThat(later).isNotDone();
        assertThat(pipeline.stats().buffered()).isEqualTo(1);
        second.end.countDown();

        assertThat(later.get(10, TimeUnit.SECONDS).getProducerRecord().value()).isEqualTo("later");
        Awaitility.await().until(pipeline::isIdle);
        assertThat(pipeline.stats().ended(SendOutcome.DELIVERED)).isEqualTo(1);
        assertThat(kafka.history()).hasSize(1);
    }

    private SendPipeline<String, String> pipeline(
            @Nullable UndeliveredStore<String, String> store, Runnable sendersLook) {
        return pipeline(kafka, store, sendersLook);
    }

    private static SendPipeline<String, String> pipeline(
            Producer<String, String> producer, @Nullable UndeliveredStore<String, String> store, Runnable sendersLook) {
        return new SendPipeline<>(
                "template",
                ProducerOptions.defaults(),
                null,
                store,
                new ToProducer(() -> {
                    if (Thread.currentThread().getName().contains("sender")) {
                        sendersLook.run();
                    }
                    return producer;
                }),
                System::nanoTime);
    }

    private static void shutDown(SendPipeline<String, String> pipeline) {
        new Shutdown(List.of(pipeline), List::of, TIMEOUT).run();
    }

    private static ProducerRecord<String, String> record(String value) {
        return new ProducerRecord<>("topic", value);
    }

    private static void awaitNextMillisecond() {
        long now = System.currentTimeMillis();
        while (System.currentTimeMillis() <= now + 1) {
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1));
        }
    }

    /** Code that interrupts do not end. */
    private static final class Hang {

        final CountDownLatch end = new CountDownLatch(1);

        private final CountDownLatch begun = new CountDownLatch(1);

        private volatile @Nullable Thread hanging;

        void run() {
            if (hanging == null) {
                hanging = Thread.currentThread();
            }
            begun.countDown();
            boolean interrupted = false;
            while (true) {
                try {
                    end.await();
                    break;
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }

        void awaitBegun() throws InterruptedException {
            assertThat(begun.await(10, TimeUnit.SECONDS)).isTrue();
        }

        /** Ends the hang, and waits until the thread that was in it has ended. */
        void end() throws InterruptedException {
            Thread thread = hanging;
            end.countDown();
            assertThat(thread).isNotNull();
            thread.join(10_000);
            assertThat(thread.isAlive()).isFalse();
        }
    }
}
