package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.PauseReason;
import io.github.kafkabackpressure.RecordOutcome;
import io.github.kafkabackpressure.progress.CommitMetadata;
import io.github.kafkabackpressure.progress.OffsetRanges;
import io.github.kafkabackpressure.test.Scenario;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.stream.LongStream;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.kafka.config.ContainerCustomizer;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;

/**
 * What was finished beyond the committed offset is not handled again, and nothing is believed to be finished that is not.
 * {@code -Dremembering.restarts=20} restarts more often.
 */
@EmbeddedKafka(
        partitions = 1,
        brokerProperties = {"group.min.session.timeout.ms=1000", "offsets.topic.num.partitions=1"})
class RememberingIT {

    private static final int RESTARTS = Integer.getInteger("remembering.restarts", 4);

    private final String brokers;

    RememberingIT(EmbeddedKafkaBroker broker) {
        this.brokers = broker.getBrokersAsString();
    }

    @Test
    void afterAKillOnlyTheStuckRecordIsHandledAgain(@TempDir Path directory) throws Exception {
        int records = 10_006;
        try (Scenario scenario = Scenario.of(brokers, "killed").prepare()) {
            scenario.sendTo(0, records);
            try (RememberingProcess first = new RememberingProcess(brokers, "killed", 5, "key", directory)) {
                // Records of the stuck one's key wait for it: of ten keys one.
                int others = (int) LongStream.range(0, records)
                        .filter(offset -> offset % 10 != 5)
                        .count();
                await().atMost(Duration.ofSeconds(60)).until(() -> first.handledCount() >= others);
                await().until(() -> remembered(scenario, "killed").count() >= others - 5);
                first.kill();
                try (RememberingProcess second = new RememberingProcess(brokers, "killed", -1, "key", directory)) {
                    await().atMost(Duration.ofSeconds(60)).until(() -> scenario.committed(0) == records);
                    List<Long> all = new ArrayList<>(first.handled());
                    all.addAll(second.handled());
                    assertThat(all).hasSize(records).doesNotHaveDuplicates();
                }
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"key, classic", "unordered, consumer", "partition, classic"})
    void restartsUnderLoadRepeatNothingAndLoseNothing(String ordering, String protocol) throws Exception {
        String id = "restarts-" + ordering;
        Scenario.Builder builder = Scenario.of(brokers, id)
                .partitions(4)
                .consumer("group.protocol=" + protocol)
                .listener("ordering=" + ordering, "commit-interval=300ms", "max-in-flight=400")
                .handler(record -> Thread.sleep(record.offset() % 7));
        try (Scenario one = builder.prepare();
                Scenario other = builder.prepare()) {
            one.startApplication(builder);
            other.startApplication(builder);
            int sent = 0;
            for (int restart = 0; restart < RESTARTS; restart++) {
                one.send(1_000);
                sent += 1_000;
                Scenario stopped = restart % 2 == 0 ? one : other;
                int before = stopped.handledCount();
                await().until(() -> stopped.handledCount() > before + 50);
                stopped.closeApplication();
                stopped.startApplication(builder);
            }
            int all = sent;
            await().atMost(Duration.ofSeconds(60)).until(() -> one.committedSum() == all);
            List<String> handled = new ArrayList<>(one.handledPositions());
            handled.addAll(other.handledPositions());
            assertThat(new HashSet<>(handled)).hasSize(all);
            assertThat(handled).hasSize(all);
        }
    }

    /** Finishes all of 100 records but the one at 5, stops, and starts again without it being stuck. */
    private void aRestart(String id, Consumer<Scenario> between, Consumer<Scenario> check, String... later) {
        AtomicBoolean stuck = new AtomicBoolean(true);
        Scenario.Builder builder = Scenario.of(brokers, id)
                .listener("ordering=unordered", "commit-interval=100ms", "drain-timeout=100ms")
                .handler(record -> {
                    if (stuck.get() && record.offset() == 5) {
                        new CountDownLatch(1).await();
                    }
                });
        try (Scenario scenario = builder.prepare()) {
            scenario.sendTo(0, 100);
            scenario.startApplication(builder);
            scenario.awaitHandled(99);
            scenario.closeApplication();
            assertThat(remembered(scenario, id)).isEqualTo(OffsetRanges.of(6, 100));
            stuck.set(false);
            between.accept(scenario);
            builder.listener(later);
            scenario.startApplication(builder);
            check.accept(scenario);
        }
    }

    private static void handlesAgain(Scenario scenario, long from) {
        int again = (int) (100 - from);
        scenario.awaitHandled(99 + again);
        await().until(() -> scenario.committed(0) == 100);
        assertThat(scenario.handled().subList(99, 99 + again).stream().map(record -> record.offset()))
                .containsExactlyInAnyOrderElementsOf(
                        LongStream.range(from, 100).boxed().toList());
        assertThat(scenario.handledCount()).isEqualTo(99 + again);
    }

    private static OffsetAndMetadata committed(Scenario scenario, String id) {
        try {
            return scenario.admin()
                    .listConsumerGroupOffsets(id)
                    .partitionsToOffsetAndMetadata()
                    .get(20, TimeUnit.SECONDS)
                    .get(new TopicPartition(id, 0));
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    private static OffsetRanges remembered(Scenario scenario, String id) {
        OffsetAndMetadata committed = committed(scenario, id);
        return committed != null && CommitMetadata.decode(committed.metadata()) instanceof CommitMetadata.Ours ours
                ? ours.progress().finished()
                : OffsetRanges.NONE;
    }

    private static void commit(Scenario scenario, String id, long offset, String metadata) {
        try {
            scenario.admin()
                    .alterConsumerGroupOffsets(
                            id,
                            Map.of(
                                    new TopicPartition(id, 0),
                                    new OffsetAndMetadata(offset, Optional.empty(), metadata)))
                    .all()
                    .get(20, TimeUnit.SECONDS);
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void aStopRepeatsOnlyWhatItGaveUp() {
        aRestart("stopped", scenario -> {}, scenario -> {
            scenario.awaitHandled(100);
            await().until(() -> scenario.committed(0) == 100);
            assertThat(scenario.handled().get(99).offset()).isEqualTo(5);
            assertThat(scenario.handledCount()).isEqualTo(100);
            assertThat(scenario.snapshot().totals().outcomes()).containsEntry(RecordOutcome.REMEMBERED, 94L);
            assertThat(scenario.snapshot().inFlight()).isZero();
        });
    }

    @Test
    void metadataOfAnotherClientIsNotBelieved() {
        String id = "other-client";
        aRestart(id, scenario -> commit(scenario, id, 5, "bm9uZQ=="), scenario -> handlesAgain(scenario, 5));
    }

    @Test
    void metadataThatWasCopiedToAnotherOffsetIsNotBelieved() {
        String id = "copied";
        aRestart(
                id,
                scenario -> commit(scenario, id, 3, committed(scenario, id).metadata()),
                scenario -> handlesAgain(scenario, 3));
    }

    @Test
    void anOperatorsResetHandlesEverythingAgain() {
        String id = "reset";
        aRestart(id, scenario -> commit(scenario, id, 0, ""), scenario -> handlesAgain(scenario, 0));
    }

    @Test
    void damagedMetadataIsIgnored() {
        String id = "damaged";
        aRestart(
                id,
                scenario -> {
                    String text = committed(scenario, id).metadata();
                    commit(scenario, id, 5, text.substring(0, text.length() - 3) + "AAA");
                },
                scenario -> handlesAgain(scenario, 5));
    }

    @Test
    void aVersionWithoutItHandlesAgainAndLosesNothing() {
        String id = "older";
        aRestart(id, scenario -> {}, scenario -> handlesAgain(scenario, 5), "remember-progress=false");
    }

    @Test
    void aTopicThatIsMadeAgainIsNotTakenForTheOldOne() {
        String id = "recreated";
        aRestart(
                id,
                scenario -> {
                    String text = committed(scenario, id).metadata();
                    recreate(scenario, id);
                    scenario.sendTo(0, 100);
                    commit(scenario, id, 5, text);
                },
                scenario -> handlesAgain(scenario, 5));
    }

    private static void recreate(Scenario scenario, String id) {
        try {
            scenario.admin().deleteTopics(List.of(id)).all().get(20, TimeUnit.SECONDS);
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
        await().ignoreExceptions().until(() -> {
            scenario.admin()
                    .createTopics(List.of(new org.apache.kafka.clients.admin.NewTopic(id, 1, (short) 1)))
                    .all()
                    .get(20, TimeUnit.SECONDS);
            return true;
        });
    }

    @Test
    void aUsersTextStaysInFront() {
        String id = "users-text";
        CountDownLatch stuck = new CountDownLatch(1);
        try (Scenario scenario = Scenario.of(brokers, id)
                .listener("ordering=unordered", "commit-interval=50ms")
                .beans(context -> context.registerBean(
                        ContainerCustomizer.class,
                        () -> container -> container
                                .getContainerProperties()
                                .setOffsetAndMetadataProvider(
                                        (listener, offset) -> new OffsetAndMetadata(offset, "by node 7"))))
                .handler(record -> {
                    if (record.offset() == 5) {
                        stuck.await();
                    }
                })
                .start()) {
            scenario.sendTo(0, 20);
            await().until(() -> committed(scenario, id) != null
                    && committed(scenario, id).metadata().startsWith("by node 7 kbp1"));
            stuck.countDown();
            await().until(() -> committed(scenario, id).offset() == 20
                    && committed(scenario, id).metadata().equals("by node 7"));
        }
    }

    @Test
    void aPartitionWhoseProgressMightNotFitPausesAndGoesOn() {
        CountDownLatch stuck = new CountDownLatch(1);
        try (Scenario scenario = Scenario.of(brokers, "nearly-full")
                .listener(
                        "ordering=unordered",
                        "commit-interval=50ms",
                        "max-in-flight=1000",
                        "max-concurrency=2",
                        "offset-metadata-max-bytes=64")
                .handler(record -> {
                    if (record.offset() % 2 == 0 && record.offset() < 200) {
                        stuck.await();
                    }
                })
                .start()) {
            scenario.sendTo(0, 2_000);
            await().until(() ->
                    scenario.snapshot(0) != null && scenario.snapshot(0).pauseReason() == PauseReason.COMMIT_METADATA);
            stuck.countDown();
            scenario.awaitHandled(2_000);
            await().until(() -> scenario.committed(0) == 2_000);
            assertThat(scenario.snapshot().totals().failedCommits()).isZero();
        }
    }
}
