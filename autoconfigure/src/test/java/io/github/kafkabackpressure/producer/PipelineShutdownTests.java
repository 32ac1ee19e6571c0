package io.github.kafkabackpressure.producer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.kafkabackpressure.SendOutcome;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.serialization.StringSerializer;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.springframework.kafka.core.KafkaProducerException;
import org.springframework.kafka.support.SendResult;

/** Hand-overs that take their time or fail, in operation and at a shutdown. */
@Timeout(60)
class PipelineShutdownTests {

    private static final String POISON = "cannot be serialized";

    private static final String NOWHERE = "topic without metadata";

    private final Kafka kafka = new Kafka();

    private final CountDownLatch opened = new CountDownLatch(1);

    private volatile boolean open;

    private final SendPipeline<String, String> pipeline = new SendPipeline<>(
            "template", ProducerOptions.defaults(), null, null, new ToProducer(this::open), System::nanoTime);

    private Producer<String, String> open() {
        try {
            opened.await();
        } catch (InterruptedException e) {
            throw new InterruptException(e);
        }
        open = true;
        return kafka;
    }

    private ProducerFlushReport shutDown(Duration timeout) {
        return new Shutdown(
                        List.of(pipeline),
                        () -> open ? List.of(new LiveProducer("producer", kafka, null)) : List.of(),
                        timeout)
                .run();
    }

    private static ProducerRecord<String, String> record(String topic, String value) {
        return new ProducerRecord<>(topic, value);
    }

    @Test
    void aFirstRecordOfATopicThatCannotBeSerializedFailsAlone() throws Exception {
        CompletableFuture<SendResult<String, String>> poison = pipeline.trySend(record("topic", POISON), 5, null);
        CompletableFuture<SendResult<String, String>> good = pipeline.trySend(record("topic", "good"), 5, null);
        TimeUnit.MILLISECONDS.sleep(600); // as long as it may take to open a producer
        opened.countDown();

        assertThat(good.get(10, TimeUnit.SECONDS)).isNotNull();
        assertThat(poison).isCompletedExceptionally();
    }

    @Test
    void aSendThatIsStillOpeningTheProducerIsWaitedFor() throws Exception {
        CompletableFuture<SendResult<String, String>> first = new CompletableFuture<>();
        Thread caller = new Thread(() -> pipeline.send(record("topic", "first"), 5, null)
                .whenComplete((result, failure) -> first.complete(result)));
        caller.start();
        Awaitility.await().until(() -> pipeline.stats().inFlight() == 1);
        new Thread(() -> {
                    try {
                        TimeUnit.MILLISECONDS.sleep(300);
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                    opened.countDown();
                })
                .start();

        ProducerFlushReport report = shutDown(Duration.ofSeconds(20));

        assertThat(report.complete()).isTrue();
        assertThat(report.producers()).isEqualTo(1);
        assertThat(report.took()).isLessThan(Duration.ofSeconds(5));
        assertThat(first.get(10, TimeUnit.SECONDS)).isNotNull();
        assertThat(pipeline.stats().ended(SendOutcome.DELIVERED)).isEqualTo(1);
    }

    @Test
    void aTopicThatIsOutOfReachTakesItsShareOfTheTimeAndNoMore() throws Exception {
        opened.countDown();
        CompletableFuture<SendResult<String, String>> nowhere = pipeline.trySend(record(NOWHERE, "value"), 5, null);
        assertThat(kafka.waiting.await(10, TimeUnit.SECONDS)).isTrue();
        CompletableFuture<SendResult<String, String>> good = pipeline.trySend(record("topic", "good"), 5, null);
        assertThat(good.get(10, TimeUnit.SECONDS)).isNotNull();

        ProducerFlushReport report = shutDown(Duration.ofSeconds(8));

        assertThat(report.took()).isLessThan(Duration.ofSeconds(5));
        assertThat(report.unflushed()).isEmpty();
        assertThat(nowhere).isCompletedExceptionally();
        assertThat(pipeline.stats().ended(SendOutcome.NOT_DELIVERED)).isEqualTo(1);
        assertThat(pipeline.stats().inFlight()).isZero();
        assertThat(kafka.flushes).isLessThan(10);
    }

    @Test
    void aTransactionHearsOfARecordThatDoesNotReachTheProducer() {
        assertThatThrownBy(() -> pipeline.sendInTransaction(record("topic", POISON), 5, null, kafka))
                .isInstanceOf(KafkaProducerException.class)
                .hasRootCauseInstanceOf(SerializationException.class);
        assertThat(pipeline.stats().inFlight()).isZero();

        pipeline.closeIntake();

        assertThatThrownBy(() -> pipeline.sendInTransaction(record("topic", "value"), 5, null, kafka))
                .isInstanceOf(KafkaProducerException.class);
        assertThat(pipeline.stats().ended(SendOutcome.CLOSED)).isEqualTo(1);
        assertThat(pipeline.stats().inFlight()).isZero();
    }

    @Test
    void aTransactionHearsOfARecordThatFailsWhileTheContextCloses() {
        MockProducer<String, String> closing =
                new MockProducer<>(true, null, new StringSerializer(), new StringSerializer()) {

                    @Override
                    public Future<RecordMetadata> send(ProducerRecord<String, String> record, Callback callback) {
                        pipeline.closeIntake();
                        pipeline.beginGivingUp();
                        throw new TimeoutException("in this test");
                    }
                };

        assertThatThrownBy(() -> pipeline.sendInTransaction(record("topic", "value"), 5, null, closing))
                .isInstanceOf(KafkaProducerException.class)
                .hasRootCauseInstanceOf(TimeoutException.class);

        pipeline.endUndelivered("in this test");
        assertThat(pipeline.stats().ended(SendOutcome.NOT_DELIVERED)).isEqualTo(1);
        assertThat(pipeline.stats().inFlight()).isZero();
    }

    @Test
    void aProducerThatCannotBeFlushedLeavesTheOthersTheirTime() throws Exception {
        Producer<String, String> broken =
                new MockProducer<>(true, null, new StringSerializer(), new StringSerializer()) {

                    private int flushes;

                    @Override
                    public void flush() {
                        if (++flushes == 3) {
                            opened.countDown(); // until then the other's record is on its way
                        }
                        throw new IllegalStateException("in this test");
                    }
                };
        Thread caller = new Thread(() -> pipeline.send(record("topic", "first"), 5, null));
        caller.start();
        Awaitility.await().until(() -> pipeline.stats().inFlight() == 1);

        ProducerFlushReport report = new Shutdown(
                        List.of(pipeline),
                        () -> open
                                ? List.of(
                                        new LiveProducer("broken", broken, null),
                                        new LiveProducer("producer", kafka, null))
                                : List.of(new LiveProducer("broken", broken, null)),
                        Duration.ofSeconds(20))
                .run();

        assertThat(report.delivered()).isEqualTo(1);
        assertThat(report.unflushed()).singleElement().asString().contains("broken", "IllegalStateException");
    }

    @Test
    void whatWasNotDeliveredSaysAfterWhichTimeAndWhy() {
        opened.countDown();
        MockProducer<String, String> away =
                new MockProducer<>(false, null, new StringSerializer(), new StringSerializer()) {

                    @Override
                    public void flush() {
                        try {
                            TimeUnit.HOURS.sleep(1);
                        } catch (InterruptedException e) {
                            throw new InterruptException(e);
                        }
                    }
                };
        SendPipeline<String, String> toNobody = new SendPipeline<>(
                "template", ProducerOptions.defaults(), null, null, new ToProducer(() -> away), System::nanoTime);
        CompletableFuture<SendResult<String, String>> send = toNobody.send(record("topic", "value"), 5, null);

        ProducerFlushReport report = new Shutdown(
                        List.of(toNobody),
                        () -> List.of(new LiveProducer(
                                "producer", away, () -> away.errorNext(new TimeoutException("closed")))),
                        Duration.ofMillis(400))
                .run();

        assertThat(report.took()).isGreaterThanOrEqualTo(Duration.ofMillis(400));
        assertThat(send)
                .failsWithin(Duration.ZERO)
                .withThrowableThat()
                .havingCause()
                .withMessageMatching("Not acknowledged while the application context was closing: after \\d{3,} ms,"
                        + " with a flush-timeout of PT0.4S: the broker has not acknowledged all in time");
    }

    /** Fails to serialize one value, and waits for the metadata of one topic until it is interrupted. */
    private static final class Kafka extends MockProducer<String, String> {

        private final CountDownLatch waiting = new CountDownLatch(1);

        private int flushes;

        private Kafka() {
            super(true, null, new StringSerializer(), new StringSerializer());
        }

        @Override
        public Future<RecordMetadata> send(ProducerRecord<String, String> record, Callback callback) {
            if (record.value().equals(POISON)) {
                throw new SerializationException(POISON);
            }
            if (record.topic().equals(NOWHERE)) {
                awaitMetadata();
            }
            return super.send(record, callback);
        }

        @Override
        public List<PartitionInfo> partitionsFor(String topic) {
            if (topic.equals(NOWHERE)) {
                awaitMetadata();
            }
            return super.partitionsFor(topic);
        }

        private void awaitMetadata() {
            waiting.countDown();
            try {
                TimeUnit.HOURS.sleep(1);
            } catch (InterruptedException e) {
                throw new InterruptException(e);
            }
        }

        @Override
        public synchronized void flush() {
            flushes++;
            super.flush();
        }
    }
}
