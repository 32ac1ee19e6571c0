package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.Ordering;
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
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.CooperativeStickyAssignor;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.RangeAssignor;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.springframework.kafka.config.ContainerCustomizer;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;

/**
 * What was finished beyond the committed offset is not handled again, and nothing is believed to be finished that is not.
 * {@code -Dscenario.heavy=true} restarts twenty times, in each order and with each way to rebalance.
 */
@EmbeddedKafka(
        partitions = 1,
        brokerProperties = {
            "group.min.session.timeout.ms=1000",
            "group.initial.rebalance.delay.ms=0",
            "group.consumer.min.heartbeat.interval.ms=300",
            "group.consumer.heartbeat.interval.ms=300",
            "offsets.topic.num.partitions=1"
        })
class RememberingIT {

    private static final boolean HEAVY = Boolean.getBoolean("scenario.heavy");

    private static final int RESTARTS = HEAVY ? 20 : 4;

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

    /** How records are ordered, and how the group shares out its partitions. */
    static Stream<Arguments> groups() {
        return Stream.of(
                        Arguments.of("key", "cooperative"),
                        Arguments.of("unordered", "consumer"),
                        Arguments.of("partition", "eager"),
                        Arguments.of("key", "consumer"),
                        Arguments.of("key", "eager"),
                        Arguments.of("unordered", "cooperative"),
                        Arguments.of("unordered", "eager"),
                        Arguments.of("partition", "cooperative"),
                        Arguments.of("partition", "consumer"))
                .limit(HEAVY ? 9 : 3);
    }

    private static String[] groupSettings(String rebalances) {
        return switch (rebalances) {
            case "consumer" -> new String[] {"group.protocol=consumer"};
            case "eager" ->
                new String[] {
                    "heartbeat.interval.ms=300", "partition.assignment.strategy=" + RangeAssignor.class.getName()
                };
            default ->
                new String[] {
                    "heartbeat.interval.ms=300",
                    "partition.assignment.strategy=" + CooperativeStickyAssignor.class.getName()
                };
        };
    }

    @ParameterizedTest
    @MethodSource("groups")
    void restartsUnderLoadRepeatNothingAndLoseNothing(String ordering, String rebalances) throws Exception {
        Scenario.Builder builder = Scenario.of(brokers, "restarts-" + ordering + "-" + rebalances)
                .partitions(6)
                .consumer(groupSettings(rebalances))
                .listener("ordering=" + ordering, "commit-interval=300ms", "max-in-flight=200")
                .handler(record -> Thread.sleep(record.offset() % 7));
        List<Scenario> members = new ArrayList<>();
        try {
            for (int member = 0; member < 3; member++) {
                members.add(builder.prepare());
                members.get(member).startApplication(builder);
            }
            int sent = 0;
            for (int restart = 0; restart < RESTARTS; restart++) {
                members.get(0).send(1_500);
                sent += 1_500;
                Scenario restarted = members.get(restart % 3);
                int before = handled(members).size();
                await().until(() -> handled(members).size() > before + 200);
                restarted.closeApplication();
                restarted.startApplication(builder);
            }
            int all = sent;
            await().atMost(Duration.ofSeconds(120)).until(() -> members.get(0).committedSum() == all);
            assertThat(new HashSet<>(handled(members))).as("lost").hasSize(all);
            assertThat(handled(members)).as("handled again").hasSize(all);
        } finally {
            members.forEach(Scenario::close);
        }
    }

    private static List<String> handled(List<Scenario> members) {
        return members.stream()
                .flatMap(member -> member.handledPositions().stream())
                .toList();
    }

    @Test
    @EnabledIfSystemProperty(named = "scenario.heavy", matches = "true")
    void terminatedProcessesRepeatNothingAndLoseNothing(@TempDir Path directory) throws Exception {
        String id = "terminated";
        List<RememberingProcess> all = new ArrayList<>();
        try (Scenario scenario = Scenario.of(brokers, id).partitions(6).prepare()) {
            RememberingProcess[] members = new RememberingProcess[3];
            for (int member = 0; member < 3; member++) {
                members[member] = new RememberingProcess(brokers, id, -1, "key", directory);
                all.add(members[member]);
            }
            int sent = 0;
            for (int restart = 0; restart < RESTARTS; restart++) {
                scenario.send(3_000);
                sent += 3_000;
                int before =
                        all.stream().mapToInt(RememberingProcess::handledCount).sum();
                await().atMost(Duration.ofSeconds(60))
                        .until(() -> all.stream()
                                        .mapToInt(RememberingProcess::handledCount)
                                        .sum()
                                > before + 500);
                members[restart % 3].terminate();
                members[restart % 3] = new RememberingProcess(brokers, id, -1, "key", directory);
                all.add(members[restart % 3]);
            }
            int records = sent;
            await().atMost(Duration.ofSeconds(120)).until(() -> scenario.committedSum() == records);
            List<Long> handled =
                    all.stream().flatMap(process -> process.handled().stream()).toList();
            assertThat(new HashSet<>(handled)).as("lost").hasSize(records);
            assertThat(handled).as("handled again").hasSize(records);
        } finally {
            for (RememberingProcess process : all) {
                process.close();
            }
        }
    }

    private static OffsetAndMetadata committed(Scenario scenario, String id) {
        return committed(scenario, id, id);
    }

    private static OffsetAndMetadata committed(Scenario scenario, String group, String topic) {
        return StuckRestart.get(scenario.admin().listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata())
                .get(new TopicPartition(topic, 0));
    }

    private static OffsetRanges remembered(Scenario scenario, String id) {
        OffsetAndMetadata committed = committed(scenario, id);
        return committed != null && CommitMetadata.decode(committed.metadata()) instanceof CommitMetadata.Ours ours
                ? ours.progress().finished()
                : OffsetRanges.NONE;
    }

    @Test
    void aStopRepeatsOnlyWhatItGaveUp() {
        try (StuckRestart restart = new StuckRestart(brokers, "stopped")) {
            restart.startFree();
            Scenario scenario = restart.scenario();
            scenario.awaitHandled(100);
            await().until(() -> scenario.committed(0) == 100);
            assertThat(restart.handledSince(99)).containsExactly(5L);
            assertThat(scenario.snapshot().totals().outcomes()).containsEntry(RecordOutcome.REMEMBERED, 94L);
            assertThat(scenario.snapshot().inFlight()).isZero();
        }
    }

    @Test
    void whatIsRememberedIsNotSortedWhereMoreThanAPauseAnswersOverload() {
        try (StuckRestart restart = new StuckRestart(brokers, "sorted")) {
            restart.startFree("overflow=drop-newest", "max-in-flight=10", "max-concurrency=1");
            Scenario scenario = restart.scenario();
            await().until(() -> scenario.committed(0) == 100);
            assertThat(restart.handledSince(99)).containsExactly(5L);
            assertThat(scenario.snapshot().totals().outcomes()).containsEntry(RecordOutcome.REMEMBERED, 94L);
            assertThat(scenario.container().getDropped()).isEmpty();
        }
    }

    /** A listener of batches, whose batch with the record at 5 hangs until that is over. */
    static final class Batches {

        private final AtomicBoolean stuck = new AtomicBoolean(true);

        private final Queue<Long> handled = new ConcurrentLinkedQueue<>();

        @BackpressuredListener(
                id = "batches",
                topics = "remembered-batches",
                batch = "true",
                batchSize = "10",
                ordering = Ordering.UNORDERED,
                drainTimeout = "100ms")
        void on(List<ConsumerRecord<String, String>> batch) throws InterruptedException {
            if (stuck.get() && batch.stream().anyMatch(record -> record.offset() == 5)) {
                new CountDownLatch(1).await();
            }
            batch.forEach(record -> handled.add(record.offset()));
        }
    }

    @Test
    void batchesHoldNothingThatIsRemembered() {
        Batches batches = new Batches();
        Scenario.Builder builder = Scenario.of(brokers, "remembered-batches")
                .beans(context -> context.registerBean(Batches.class, () -> batches));
        try (Scenario scenario = builder.prepare()) {
            scenario.sendTo(0, 100);
            scenario.startApplication(builder);
            // What is in the batch that hangs comes again.
            await().until(() -> batches.handled.size() >= 90);
            scenario.closeApplication();
            List<Long> first = List.copyOf(batches.handled);
            batches.stuck.set(false);
            scenario.startApplication(builder);
            await().until(() ->
                    committed(scenario, "batches", "remembered-batches").offset() == 100);
            assertThat(first).doesNotContain(5L);
            assertThat(batches.handled)
                    .hasSize(100)
                    .containsExactlyInAnyOrderElementsOf(
                            LongStream.range(0, 100).boxed().toList());
        }
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
