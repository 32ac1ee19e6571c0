package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.progress.CommitMetadata;
import io.github.kafkabackpressure.test.Scenario;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;

/** A broker that takes less metadata than the listener thinks. */
@EmbeddedKafka(
        partitions = 1,
        brokerProperties = {"offsets.topic.num.partitions=1", "offset.metadata.max.bytes=" + RefusedMetadataIT.BROKERS})
@ExtendWith(OutputCaptureExtension.class)
class RefusedMetadataIT {

    static final int BROKERS = 130;

    private final String brokers;

    RefusedMetadataIT(EmbeddedKafkaBroker broker) {
        this.brokers = broker.getBrokersAsString();
    }

    /**
     * Of every so many records one hangs, so that what is finished needs some characters: many, or a few more than the broker
     * takes.
     */
    @ParameterizedTest
    @CsvSource({"key, 7, 2000", "unordered, 3, 2000", "unordered, 3, 700"})
    void commitsGoOnWithLessAndItIsSaidOnce(String ordering, int every, int records, CapturedOutput output) {
        String id = "refused-" + ordering + "-" + every + "-" + records;
        CountDownLatch stuck = new CountDownLatch(1);
        try (Scenario scenario = Scenario.of(brokers, id)
                .listener(
                        "ordering=" + ordering,
                        "commit-interval=50ms",
                        "max-in-flight=3000",
                        "max-concurrency=300",
                        "drain-timeout=100ms",
                        "offset-metadata-max-bytes=4096")
                .handler(record -> {
                    if (record.offset() > 9 && record.key().equals("stuck")) {
                        stuck.await();
                    }
                })
                .start()) {
            int hanging = 0;
            Random random = new Random(1);
            for (int offset = 0; offset < records; offset++) {
                boolean hangs = offset > 9 && random.nextInt(every) == 0 && hanging < 250;
                hanging += hangs ? 1 : 0;
                scenario.send(0, hangs ? "stuck" : "k" + offset % 10, String.valueOf(offset));
            }
            scenario.flush();
            scenario.awaitHandled(records - hanging);
            // The last commit that can be made says what fits, or nothing.
            await().until(() -> output.getAll().contains("the broker refuses a commit"));
            await().until(() ->
                    scenario.snapshot(0).committed() == scenario.snapshot(0).frontier());
            OffsetAndMetadata committed = StuckRestart.get(
                            scenario.admin().listConsumerGroupOffsets(id).partitionsToOffsetAndMetadata())
                    .get(new TopicPartition(id, 0));
            assertThat(committed.offset()).isEqualTo(scenario.snapshot(0).frontier());
            assertThat(committed.metadata()).hasSizeLessThanOrEqualTo(BROKERS);
            assertThat(CommitMetadata.decode(committed.metadata())).isNotInstanceOf(CommitMetadata.Damaged.class);

            stuck.countDown();
            scenario.awaitHandled(records);
            await().until(() -> scenario.committed(0) == records);
            assertThat(scenario.handledPositions()).doesNotHaveDuplicates();
        }
        assertThat(output.getAll().split("the broker refuses a commit", -1)).hasSize(2);
        assertThat(output.getAll()).doesNotContain("could not commit");
    }
}
