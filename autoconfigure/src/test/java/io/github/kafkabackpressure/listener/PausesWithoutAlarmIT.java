package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.PauseReason;
import io.github.kafkabackpressure.test.Scenario;
import java.time.Duration;
import java.util.Locale;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;
import org.springframework.context.event.EventListener;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;

/** A listener that is paused for long and makes progress is no alarm, whatever it is paused for. */
@EmbeddedKafka(partitions = 1, brokerProperties = "offsets.topic.num.partitions=1")
class PausesWithoutAlarmIT {

    private static final Duration STALL = Duration.ofMillis(400);

    /** The watchdog looks once a second, so at least once while the pause has been longer than the threshold. */
    private static final Duration LONG_ENOUGH = STALL.plusMillis(1100);

    private final String brokers;

    PausesWithoutAlarmIT(EmbeddedKafkaBroker broker) {
        this.brokers = broker.getBrokersAsString();
    }

    /** {@code FRONTIER_STUCK} takes a million records behind one; {@link AlarmRulesTests} has it. */
    @ParameterizedTest
    @EnumSource(mode = Mode.EXCLUDE, names = "FRONTIER_STUCK")
    void aListenerThatIsPausedAndMakesProgressRaisesNone(PauseReason reason) {
        String id = "paused-" + reason.name().toLowerCase(Locale.ROOT);
        Scenario.Builder builder = Scenario.of(brokers, id)
                .topic(id + "-high", 1)
                .topic(id + "-low", 1)
                .with(Alarms.class)
                .listener("stall-timeout=" + STALL.toMillis() + "ms", "max-concurrency=2", "ordering=unordered")
                .listener(settings(reason, id))
                .handler(record -> Thread.sleep(
                        reason == PauseReason.FAIR_SHARE && record.topic().endsWith("low") ? 400 : 20));
        try (Scenario scenario = builder.prepare()) {
            scenario.send(1000);
            scenario.startApplication(builder);
            await().until(() -> scenario.handledCount() > 0);
            TopicPartition low = new TopicPartition(id + "-low", 0);
            if (reason == PauseReason.USER) {
                scenario.container().pausePartition(low);
            }
            await().atMost(Duration.ofSeconds(20))
                    .pollInterval(Duration.ofMillis(20))
                    .until(() -> scenario.snapshot().partitions().stream()
                            .anyMatch(partition -> partition.pauseReason() == reason
                                    && partition.pausedFor() != null
                                    && partition.pausedFor().compareTo(LONG_ENOUGH) > 0));

            assertThat(scenario.context().getBean(Alarms.class).alarms).isEmpty();
        }
    }

    private static String[] settings(PauseReason reason, String id) {
        return switch (reason) {
            case MAX_IN_FLIGHT -> new String[] {"max-in-flight=400"};
            case MAX_IN_FLIGHT_BYTES -> new String[] {"max-in-flight-bytes=1KB"};
            case MAX_IN_FLIGHT_PER_PARTITION -> new String[] {"max-in-flight-per-partition=100"};
            case FAIR_SHARE -> new String[] {"max-in-flight=100", "ordering=partition"};
            case TOPIC_PRIORITY ->
                new String[] {"max-in-flight=40", "topic-priority." + id + "-high=9", "topic-priority." + id + "-low=1"
                };
            case COMMIT_METADATA -> new String[] {"offset-metadata-max-bytes=64"};
            case FRONTIER_STUCK, USER -> new String[0];
        };
    }

    static class Alarms {

        final Queue<ListenerAlarm> alarms = new ConcurrentLinkedQueue<>();

        @EventListener
        void alarm(ListenerAlarm alarm) {
            alarms.add(alarm);
        }
    }
}
