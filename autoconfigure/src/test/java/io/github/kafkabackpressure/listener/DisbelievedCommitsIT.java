package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.RecordOutcome;
import io.github.kafkabackpressure.progress.OffsetRanges;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;

/** Metadata of commits that does not belong to the records that are there, or to this listener, is not believed. */
@EmbeddedKafka(partitions = 1, brokerProperties = "offsets.topic.num.partitions=1")
@ExtendWith(OutputCaptureExtension.class)
class DisbelievedCommitsIT {

    private final String brokers;

    DisbelievedCommitsIT(EmbeddedKafkaBroker broker) {
        this.brokers = broker.getBrokersAsString();
    }

    @Test
    void aCommitOfAnotherClientIsNotBelieved() {
        try (StuckRestart restart = new StuckRestart(brokers, "other-client")) {
            restart.commit(5, "bm9uZQ==");
            restart.startFree();
            restart.handlesAgainFrom(5);
        }
    }

    @Test
    void metadataThatWasCopiedToAnotherOffsetIsNotBelieved() {
        try (StuckRestart restart = new StuckRestart(brokers, "copied")) {
            restart.commit(3, restart.committed().metadata());
            restart.startFree();
            restart.handlesAgainFrom(3);
        }
    }

    @Test
    void metadataOfALaterVersionIsNotBelieved() {
        try (StuckRestart restart = new StuckRestart(brokers, "later-version")) {
            restart.commit(5, restart.committed().metadata().replace("kbp1", "kbp2"));
            restart.startFree();
            restart.handlesAgainFrom(5);
        }
    }

    @Test
    void anOperatorsResetHandlesEverythingAgain() {
        try (StuckRestart restart = new StuckRestart(brokers, "reset")) {
            restart.commit(0, "");
            restart.startFree();
            restart.handlesAgainFrom(0);
        }
    }

    @Test
    void anOperatorsCommitOfTheSameOffsetHandlesWhatIsBehindItAgain() {
        try (StuckRestart restart = new StuckRestart(brokers, "same-offset")) {
            restart.commit(5, "");
            restart.startFree();
            restart.handlesAgainFrom(5);
        }
    }

    @Test
    void damagedMetadataIsCountedAndLoggedOnceAndIgnored(CapturedOutput output) {
        try (StuckRestart restart = new StuckRestart(brokers, "damaged")) {
            String text = restart.committed().metadata();
            String damaged = text.substring(0, text.length() - 3) + "AAA";
            restart.builder()
                    .beans(context -> context.registerBean(MeterRegistry.class, () -> new SimpleMeterRegistry()));
            restart.commit(5, damaged);
            restart.startFree();
            restart.handlesAgainFrom(5);
            restart.scenario().container().stop();
            restart.commit(5, damaged);
            restart.scenario().container().start();
            restart.handlesAgainFrom(5, 99 + 95);

            assertThat(output.getAll().split("is damaged", -1)).hasSize(2);
            assertThat(restart.scenario()
                            .context()
                            .getBean(MeterRegistry.class)
                            .get("kafka.backpressure.listener.commits.damaged")
                            .tag("listener", "damaged")
                            .functionCounter()
                            .count())
                    .isEqualTo(2);
        }
    }

    @Test
    void aTopicThatIsMadeAgainIsNotTakenForTheOldOne() {
        try (StuckRestart restart = new StuckRestart(brokers, "recreated")) {
            String text = restart.committed().metadata();
            restart.recreateTopic();
            restart.scenario().sendTo(0, 100);
            restart.commit(5, text);
            restart.startFree();
            restart.handlesAgainFrom(5);
        }
    }

    @Test
    void aLogThatIsCutOffAtItsStartStaysFinishedWhereItWas() {
        try (StuckRestart restart = new StuckRestart(brokers, "cut-off")) {
            TopicPartition partition = new TopicPartition("cut-off", 0);
            StuckRestart.get(restart.scenario()
                    .admin()
                    .deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(50)))
                    .all());
            restart.scenario().sendTo(0, 20);
            restart.startFree();
            restart.scenario().awaitHandled(99 + 20);
            await().until(() -> restart.committed().offset() == 120);
            assertThat(restart.handledSince(99))
                    .containsExactlyInAnyOrderElementsOf(
                            LongStream.range(100, 120).boxed().toList());
        }
    }

    @Test
    void aSeekBringsWhatIsRememberedAtOrPastItsTarget() {
        try (StuckRestart restart = new StuckRestart(brokers, "sought-remembered")) {
            restart.startStuck();
            await().until(() ->
                    restart.scenario().snapshot().totals().outcomes().getOrDefault(RecordOutcome.REMEMBERED, 0L) == 94);
            restart.scenario().seek(0, 40);
            restart.scenario().awaitHandled(99 + 60);
            assertThat(restart.handledSince(99))
                    .containsExactlyInAnyOrderElementsOf(
                            LongStream.range(40, 100).boxed().toList());
            restart.scenario().closeApplication();

            assertThat(restart.remembered()).isEqualTo(OffsetRanges.of(6, 100));
            restart.startFree();
            restart.scenario().awaitHandled(99 + 60 + 1);
            await().until(() -> restart.committed().offset() == 100);
            assertThat(restart.handledSince(99 + 60)).containsExactly(5L);
        }
    }

    /** What an older version does: it commits plain offsets. */
    private void olderVersionHandles(String group, int records) {
        try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(
                Map.of("bootstrap.servers", brokers, "group.id", group, "max.poll.records", records),
                new StringDeserializer(),
                new StringDeserializer())) {
            consumer.subscribe(List.of(group));
            await().until(() -> consumer.poll(Duration.ofMillis(100)).count() == records);
            consumer.commitSync(Map.of(
                    new TopicPartition(group, 0),
                    new OffsetAndMetadata(consumer.position(new TopicPartition(group, 0)))));
        }
    }

    @Test
    void anOlderVersionInBetweenLosesAndSkipsNothing() {
        try (StuckRestart restart = new StuckRestart(brokers, "rolled-back")) {
            olderVersionHandles("rolled-back", 20); // 5 to 24
            restart.startFree();
            restart.handlesAgainFrom(25);
        }
    }

    @Test
    void aVersionWithoutItHandlesAgainAndTheNextOneWithItGoesOnFromThere() {
        try (StuckRestart restart = new StuckRestart(brokers, "older")) {
            restart.startStuck("remember-progress=false");
            restart.scenario().awaitHandled(99 + 94);
            restart.scenario().closeApplication();
            assertThat(restart.committed().offset()).isEqualTo(5);
            // It has committed nothing, as the offset is the one that there was: what that says still holds.
            assertThat(restart.remembered()).isEqualTo(OffsetRanges.of(6, 100));

            restart.startFree("remember-progress=true");
            restart.scenario().awaitHandled(99 + 94 + 1);
            await().until(() -> restart.committed().offset() == 100);
            assertThat(restart.handledSince(99 + 94)).containsExactly(5L);
        }
    }
}
