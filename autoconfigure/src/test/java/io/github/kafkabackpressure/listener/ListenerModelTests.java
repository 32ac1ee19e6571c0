package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import io.github.kafkabackpressure.progress.CommitMetadata;
import io.github.kafkabackpressure.progress.OffsetRanges;
import io.github.kafkabackpressure.progress.RememberedProgress;
import java.util.Collection;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

/**
 * Random schedules of a listener that is stepped by hand. {@code -Dmodel.schedules=…} tries more of them,
 * {@code -Dmodel.seed=…} begins with another one, which a violation names.
 */
class ListenerModelTests {

    private static final int SCHEDULES = Integer.getInteger("model.schedules", 20_000);

    private static final long FIRST_SEED = Long.getLong("model.seed", System.nanoTime());

    private static final int SCHEDULES_FOR_WHAT_IS_BROKEN = 2_000;

    private final Logger log = (Logger) LoggerFactory.getLogger(ListenerModelTests.class.getPackageName());

    private final Level level = log.getLevel();

    @BeforeEach
    void nothingIsLoggedOfDrainsThatAreLate() {
        log.setLevel(Level.OFF);
    }

    @AfterEach
    void whatIsLoggedIsSetBack() {
        log.setLevel(level);
    }

    @Test
    void noScheduleLosesARecordOrOrderOrStandsStill() {
        for (long seed = FIRST_SEED; seed < FIRST_SEED + SCHEDULES; seed++) {
            String found = violation(seed, SteppedKafka::new);
            assertThat(found).as("-Dmodel.seed=" + seed).isEmpty();
        }
    }

    @Test
    void noScheduleDoesWhereRecordsWaitByPriority() {
        for (long seed = FIRST_SEED; seed < FIRST_SEED + SCHEDULES / 4; seed++) {
            String found = violation(seed, SteppedKafka::new, Map.of("default-priority", 5));
            assertThat(found).as("-Dmodel.seed=" + seed).isEmpty();
        }
    }

    @Test
    void commitsPastAnUnfinishedRecordAreFound() {
        assertThat(findings((pollSize, partitions) -> new SteppedKafka(pollSize, partitions) {
                    @Override
                    public void commit(Map<TopicPartition, OffsetAndMetadata> offsets) {
                        super.commit(changed(offsets, offset -> new OffsetAndMetadata(offset.offset() + 1)));
                    }
                }))
                .contains("committed");
    }

    @Test
    void whatIsRememberedOfAnUnfinishedRecordIsFound() {
        assertThat(findings((pollSize, partitions) -> new SteppedKafka(pollSize, partitions) {
                    @Override
                    public void commit(Map<TopicPartition, OffsetAndMetadata> offsets) {
                        super.commit(changed(offsets, ListenerModelTests::withOneMore));
                    }
                }))
                .contains("remembered");
    }

    private static OffsetAndMetadata withOneMore(OffsetAndMetadata committed) {
        if (!(CommitMetadata.decode(committed.metadata()) instanceof CommitMetadata.Ours ours)) {
            return committed;
        }
        long end = ours.progress().finished().end();
        RememberedProgress more =
                new RememberedProgress(committed.offset(), -1, 0, OffsetRanges.of(committed.offset(), end));
        return new OffsetAndMetadata(committed.offset(), CommitMetadata.encode(more, 4096));
    }

    @Test
    void aResumeThatIsLostIsFound() {
        assertThat(findings((pollSize, partitions) -> new SteppedKafka(pollSize, partitions) {
                    private int resumes;

                    @Override
                    public synchronized void resume(Collection<TopicPartition> resumed) {
                        if (++resumes % 4 != 0) {
                            super.resume(resumed);
                        }
                    }
                }))
                .isNotEmpty();
    }

    private static Map<TopicPartition, OffsetAndMetadata> changed(
            Map<TopicPartition, OffsetAndMetadata> offsets, UnaryOperator<OffsetAndMetadata> change) {
        return offsets.entrySet().stream()
                .collect(Collectors.toMap(Map.Entry::getKey, entry -> change.apply(entry.getValue())));
    }

    private static String findings(ListenerModel.KafkaFactory kafka) {
        for (long seed = 0; seed < SCHEDULES_FOR_WHAT_IS_BROKEN; seed++) {
            String found = violation(seed, kafka);
            if (!found.isEmpty()) {
                return found;
            }
        }
        return "";
    }

    private static String violation(long seed, ListenerModel.KafkaFactory kafka) {
        return violation(seed, kafka, Map.of());
    }

    private static String violation(long seed, ListenerModel.KafkaFactory kafka, Map<String, ?> settings) {
        try {
            new ListenerModel(seed, kafka, settings).run();
            return "";
        } catch (ListenerModel.Violation e) {
            return String.valueOf(e.getMessage());
        }
    }
}
