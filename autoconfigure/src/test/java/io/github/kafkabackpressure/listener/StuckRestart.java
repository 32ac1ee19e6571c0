package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.progress.CommitMetadata;
import io.github.kafkabackpressure.progress.OffsetRanges;
import io.github.kafkabackpressure.test.Scenario;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.LongStream;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;

/**
 * A listener that is stopped when it has finished all of 100 records but the one at 5, and started again: its commit says so,
 * and a test looks what becomes of that.
 *
 * <p>Threading: the test's thread.
 */
final class StuckRestart implements AutoCloseable {

    static final int RECORDS = 100;

    static final int STUCK = 5;

    private final String id;

    private final AtomicBoolean stuck = new AtomicBoolean(true);

    private final Scenario.Builder builder;

    private final Scenario scenario;

    /** Stops the listener for the first time. */
    StuckRestart(String brokers, String id) {
        this.id = id;
        this.builder = Scenario.of(brokers, id)
                .listener("ordering=unordered", "commit-interval=100ms", "drain-timeout=100ms")
                .handler(record -> {
                    if (stuck.get() && record.offset() == STUCK) {
                        new CountDownLatch(1).await();
                    }
                });
        this.scenario = builder.prepare();
        scenario.sendTo(0, RECORDS);
        scenario.startApplication(builder);
        scenario.awaitHandled(RECORDS - 1);
        scenario.closeApplication();
        assertThat(remembered()).isEqualTo(OffsetRanges.of(STUCK + 1, RECORDS));
    }

    Scenario scenario() {
        return scenario;
    }

    /** What is set from the next start on. */
    Scenario.Builder builder() {
        return builder;
    }

    /** Starts the listener with nothing that is stuck. */
    void startFree(String... settings) {
        stuck.set(false);
        start(settings);
    }

    /** Starts the listener with the same record stuck. */
    void startStuck(String... settings) {
        stuck.set(true);
        start(settings);
    }

    private void start(String... settings) {
        builder.listener(settings);
        scenario.startApplication(builder);
    }

    /** Expects that after what was handled before all from an offset on is handled, and nothing else. */
    void handlesAgainFrom(long from, int before) {
        int again = (int) (RECORDS - from);
        scenario.awaitHandled(before + again);
        await().until(() -> committed().offset() == RECORDS);
        assertThat(handledSince(before))
                .containsExactlyInAnyOrderElementsOf(
                        LongStream.range(from, RECORDS).boxed().toList());
    }

    /** As the other method, after the first stop. */
    void handlesAgainFrom(long from) {
        handlesAgainFrom(from, RECORDS - 1);
    }

    /** The offsets that have been handled after some. */
    List<Long> handledSince(int before) {
        return scenario.handled().stream()
                .skip(before)
                .map(record -> record.offset())
                .toList();
    }

    OffsetAndMetadata committed() {
        return get(scenario.admin().listConsumerGroupOffsets(id).partitionsToOffsetAndMetadata())
                .get(new TopicPartition(id, 0));
    }

    OffsetRanges remembered() {
        OffsetAndMetadata committed = committed();
        return committed != null && CommitMetadata.decode(committed.metadata()) instanceof CommitMetadata.Ours ours
                ? ours.progress().finished()
                : OffsetRanges.NONE;
    }

    /** Commits for the group, as an operator's tool does. */
    void commit(long offset, String metadata) {
        get(scenario.admin()
                .alterConsumerGroupOffsets(
                        id,
                        Map.of(new TopicPartition(id, 0), new OffsetAndMetadata(offset, Optional.empty(), metadata)))
                .all());
    }

    /** Deletes the topic and makes it again, empty. */
    void recreateTopic() {
        get(scenario.admin().deleteTopics(List.of(id)).all());
        await().ignoreExceptions().until(() -> {
            get(scenario.admin()
                    .createTopics(List.of(new NewTopic(id, 1, (short) 1)))
                    .all());
            return true;
        });
    }

    static <T> T get(KafkaFuture<T> future) {
        try {
            return future.get(20, TimeUnit.SECONDS);
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        scenario.close();
    }
}
