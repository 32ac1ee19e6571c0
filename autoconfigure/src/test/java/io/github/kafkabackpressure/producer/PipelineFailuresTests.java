package io.github.kafkabackpressure.producer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.kafkabackpressure.SendOutcome;
import io.github.kafkabackpressure.producer.KnownTopics.Presence;
import io.github.kafkabackpressure.producer.ProducerStop.Stage;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.serialization.StringSerializer;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.springframework.kafka.support.SendResult;

/** What foreign code throws, and where a template stands. */
@Timeout(60)
class PipelineFailuresTests {

    private static final String POISON = "cannot be serialized";

    private final Kafka kafka = new Kafka();

    private final SendPipeline<String, String> pipeline = new SendPipeline<>(
            "template", ProducerOptions.defaults(), null, null, new ToProducer(() -> kafka), System::nanoTime);

    @Test
    void anIllegalStateOfASerializerIsNotTakenForAClosedProducer() {
        CompletableFuture<SendResult<String, String>> future =
                pipeline.send(new ProducerRecord<>("topic", POISON), 5, null);

        assertThat(future).isCompletedExceptionally();
        assertThat(kafka.poisoned).hasValue(1);
    }

    @Test
    void aClosedProducerIsReplaced() {
        MockProducer<String, String> closed =
                new MockProducer<>(true, null, new StringSerializer(), new StringSerializer());
        closed.close();
        List<MockProducer<String, String>> producers = new ArrayList<>(List.of(closed, kafka));
        SendPipeline<String, String> replacing = new SendPipeline<>(
                "template",
                ProducerOptions.defaults(),
                null,
                null,
                new ToProducer(
                        () -> producers.size() > 1 && producers.get(0).closed() && kafka.asked.getAndIncrement() > 1
                                ? kafka
                                : producers.get(0)),
                System::nanoTime);

        CompletableFuture<SendResult<String, String>> future =
                replacing.send(new ProducerRecord<>("topic", "value"), 5, null);

        assertThat(future).isCompleted();
        assertThat(kafka.history()).hasSize(1);
    }

    @Test
    void aTransactionHoldsNoPlaceWhileItWaitsForItsTurn() throws Exception {
        SendPipeline<String, String> limited = new SendPipeline<>(
                "template",
                ProducerOptions.defaults(),
                () -> TimeUnit.SECONDS.toNanos(1),
                null,
                new ToProducer(() -> kafka),
                System::nanoTime);
        Thread transaction =
                new Thread(() -> limited.sendInTransaction(new ProducerRecord<>("topic", "value"), 5, null, kafka));
        transaction.setUncaughtExceptionHandler((thread, refused) -> {});
        transaction.start();
        Awaitility.await().until(() -> transaction.getState() == Thread.State.TIMED_WAITING);

        assertThat(limited.stats().inFlight()).isZero();
        limited.closeIntake();
        transaction.join(10_000);
        assertThat(limited.stats().ended(SendOutcome.CLOSED)).isEqualTo(1);
    }

    @Test
    void aShutdownGoesOnWhenAStepOfItFails() {
        CompletableFuture<SendResult<String, String>> future =
                pipeline.trySend(new ProducerRecord<>("topic", "value"), 5, null);
        Shutdown shutdown = new Shutdown(
                List.of(pipeline),
                () -> {
                    throw new IllegalStateException("of a factory");
                },
                Duration.ofSeconds(5));

        shutdown.run();

        assertThat(future).isDone();
        assertThat(pipeline.isOpen()).isFalse();
        pipeline.reopen();
        assertThat(pipeline.isOpen()).isTrue();
    }

    @Test
    void severalTemplatesWithOneProducerAreFlushedOnce() {
        LiveProducer one = new LiveProducer("name", kafka, null);
        LiveProducer same = new LiveProducer("name", kafka, null);

        ProducerFlushReport report =
                new Shutdown(List.of(pipeline), () -> List.of(one, same), Duration.ofSeconds(5)).run();

        assertThat(report.complete()).isTrue();
    }

    @Test
    void nothingIsInHandWhileATopicIsLookedAtWhichMayThrow() {
        AtomicBoolean thrown = new AtomicBoolean();
        Kafka throwing = new Kafka() {
            @Override
            public List<PartitionInfo> partitionsFor(String topic) {
                if (topic.equals("new") && !thrown.getAndSet(true)) {
                    throw PipelineFailuresTests.<RuntimeException>undeclared(new IOException("of a decorator"));
                }
                return super.partitionsFor(topic);
            }
        };
        ProducerOptions defaults = ProducerOptions.defaults();
        SendPipeline<String, String> batching = new SendPipeline<>(
                "template",
                new ProducerOptions(
                        defaults.limits(),
                        defaults.overflow(),
                        defaults.maxBlock(),
                        defaults.maxInFlight(),
                        new ProducerOptions.Batching(2, Duration.ofSeconds(30)),
                        defaults.priorities(),
                        null,
                        null,
                        null,
                        defaults.flushTimeout()),
                null,
                null,
                new ToProducer(() -> throwing),
                System::nanoTime);

        CompletableFuture<SendResult<String, String>> first =
                batching.send(new ProducerRecord<>("topic", "value"), 5, null);
        CompletableFuture<SendResult<String, String>> second =
                batching.send(new ProducerRecord<>("new", "value"), 5, null);

        assertThat(first).succeedsWithin(10, TimeUnit.SECONDS);
        assertThat(second).succeedsWithin(10, TimeUnit.SECONDS);
        assertThat(thrown).isTrue();
        assertThat(batching.stats().buffered()).isZero();
    }

    /** Throws what no compiler expects there, as code in other languages does. */
    @SuppressWarnings("unchecked")
    private static <E extends Throwable> E undeclared(Throwable cause) throws E {
        throw (E) cause;
    }

    @Test
    void aTemplateMovesAsItsTableSaysOnly() {
        ProducerStop stop = new ProducerStop();
        assertThatThrownBy(() -> stop.transitionTo(Stage.OVER)).isInstanceOf(IllegalStateException.class);
        int opening = stop.opening();
        stop.transitionTo(Stage.CLOSING);
        assertThat(stop.isOpen()).isFalse();
        assertThat(stop.isCut(opening)).isFalse();
        assertThatThrownBy(() -> stop.transitionTo(Stage.OPEN)).isInstanceOf(IllegalStateException.class);
        stop.transitionTo(Stage.GIVING_UP);
        assertThat(stop.isCut(opening)).isTrue();
        stop.transitionTo(Stage.OVER);
        stop.transitionTo(Stage.OPEN);
        assertThat(stop.isCut(opening)).isTrue();
        assertThat(stop.isCut(stop.opening())).isFalse();
    }

    @Test
    void whatIsRememberedOfTopicsIsBounded() {
        KnownTopics topics = new KnownTopics(() -> kafka);
        for (int i = 0; i < 25_000; i++) {
            topics.of("topic-" + i, null, 0);
        }
        assertThat(topics.size()).isLessThanOrEqualTo(10_000);
    }

    @Test
    void aTopicThatIsGoneIsNotBelievedToBeThereForLong() {
        AtomicBoolean gone = new AtomicBoolean();
        KnownTopics topics =
                new KnownTopics(() -> new MockProducer<>(true, null, new StringSerializer(), new StringSerializer()) {

                    @Override
                    public List<PartitionInfo> partitionsFor(String topic) {
                        if (gone.get()) {
                            throw new TimeoutException("in this test");
                        }
                        return List.of();
                    }
                });
        assertThat(topics.of("topic", null, 0)).isEqualTo(Presence.KNOWN);
        gone.set(true);

        assertThat(topics.of("topic", null, 0)).isEqualTo(Presence.KNOWN); // a look at each record would cost too much
        assertThat(topics.of("topic", null, 1)).isEqualTo(Presence.NO_TOPIC);
    }

    @Test
    void aLookLeavesAnInterruptAsItWas() {
        KnownTopics topics = new KnownTopics(() -> kafka);
        topics.look("topic", null, 0);
        assertThat(Thread.interrupted()).isFalse();
        Thread.currentThread().interrupt();
        topics.look("topic", null, 0);
        assertThat(Thread.interrupted()).isTrue();
    }

    @Test
    void anInterruptByAnotherThreadDuringALookIsKept() {
        Thread looking = Thread.currentThread();
        KnownTopics there = new KnownTopics(() -> new Kafka() {
            @Override
            public List<PartitionInfo> partitionsFor(String topic) {
                interruptFromElsewhere(looking);
                return List.of();
            }
        });
        assertThat(there.look("topic", null, 0)).isEqualTo(Presence.KNOWN);
        assertThat(Thread.interrupted()).isTrue();

        KnownTopics absent = new KnownTopics(() -> new Kafka() {
            @Override
            public List<PartitionInfo> partitionsFor(String topic) {
                interruptFromElsewhere(looking);
                try {
                    Thread.sleep(60_000); // as Kafka's producer waits, which takes the flag
                    return List.of();
                } catch (InterruptedException e) {
                    throw new InterruptException(e);
                }
            }
        });
        assertThat(absent.look("topic", null, 0)).isEqualTo(Presence.NO_TOPIC);
        assertThat(Thread.interrupted()).isTrue();

        assertThat(new KnownTopics(() -> kafka).look("topic", null, 0)).isEqualTo(Presence.KNOWN);
        assertThat(Thread.interrupted()).as("of its own nothing is left").isFalse();
    }

    /** It has been interrupted when this returns; the thread itself cannot wait for that without taking the flag. */
    private static void interruptFromElsewhere(Thread interrupted) {
        Thread other = new Thread(interrupted::interrupt);
        other.start();
        while (other.isAlive()) {
            Thread.onSpinWait();
        }
    }

    private static class Kafka extends MockProducer<String, String> {

        private final AtomicInteger poisoned = new AtomicInteger();
        private final AtomicInteger asked = new AtomicInteger();

        private Kafka() {
            super(true, null, new StringSerializer(), new StringSerializer());
        }

        @Override
        public Future<RecordMetadata> send(ProducerRecord<String, String> record, Callback callback) {
            if (record.value().equals(POISON)) {
                poisoned.incrementAndGet();
                throw new IllegalStateException("of a serializer");
            }
            return super.send(record, callback);
        }

        @Override
        public List<PartitionInfo> partitionsFor(String topic) {
            return List.of();
        }
    }
}
