package io.github.kafkabackpressure.sample;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.sample.SampleProcess.Balance;
import io.github.kafkabackpressure.sample.SampleProcess.Status;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.junit.jupiter.api.Test;
import org.springframework.kafka.core.KafkaAdmin;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;

/** The packaged application as a process, told to stop and left to its own end. */
@EmbeddedKafka(partitions = 1)
class SampleApplicationIT {

    private static final int TERMINATED = 128 + 15;

    @Test
    void losesNothingWhenItIsToldToStopUnderLoad() throws Exception {
        try (SampleProcess sample = SampleProcess.start(Map.of())) {
            awaitLoad(sample);
            sample.terminate();

            assertThat(sample.awaitExit(60)).isIn(0, TERMINATED);
            Balance balance = Balance.of(sample.lines());
            assertBalanced(balance);
            assertThat(balance.handledForGood()).isPositive();
            assertThat(sample.statuses()).allSatisfy(status -> {
                assertThat(status.inFlight()).isBetween(0L, status.limit());
                assertThat(status.partitions()).isEqualTo(4);
            });
        }
    }

    @Test
    void endsByItselfWhenItsTimeIsUp() throws Exception {
        try (SampleProcess sample = SampleProcess.start(Map.of(), "--sample.seconds=5")) {
            assertThat(sample.awaitExit(120)).isZero();
            assertBalanced(Balance.of(sample.lines()));
        }
    }

    /** The numbers are checked against a broker that outlives the application; a second run takes up the rest. */
    @Test
    void whatItSaysIsWhatAGivenBrokerHas(EmbeddedKafkaBroker broker) throws Exception {
        Map<String, String> environment = Map.of("SPRING_KAFKA_BOOTSTRAP_SERVERS", broker.getBrokersAsString());
        Balance first;
        try (SampleProcess sample = SampleProcess.start(environment)) {
            awaitLoad(sample);
            sample.terminate();
            assertThat(sample.awaitExit(60)).isIn(0, TERMINATED);
            first = Balance.of(sample.lines());
        }
        assertBalanced(first);
        Backlog.Offsets offsets = offsets(broker);
        assertThat(sum(offsets.ends())).isEqualTo(first.produced());
        assertThat(sum(offsets.committed()) + offsets.rememberedCount()).isEqualTo(first.handledForGood());

        try (SampleProcess sample =
                SampleProcess.start(environment, "--sample.orders-per-second=1", "--sample.payment-time=1ms")) {
            await().atMost(Duration.ofSeconds(120))
                    .until(() -> sample.statuses().stream()
                            .anyMatch(status -> status.handled() >= first.onTopic() && status.lag() == 0));
            sample.terminate();
            assertThat(sample.awaitExit(60)).isIn(0, TERMINATED);
            Balance second = Balance.of(sample.lines());
            assertThat(second.before()).isEqualTo(first.onTopic());
            assertThat(second.verdict()).isEqualTo("nothing was lost.");
        }
    }

    /** Waits until more has been produced than can be handled, and the back-pressure has taken hold. */
    private static void awaitLoad(SampleProcess sample) {
        await().atMost(Duration.ofSeconds(120)).until(() -> {
            List<Status> statuses = sample.statuses();
            return statuses.size() >= 3
                    && statuses.stream().anyMatch(status -> status.paused() == status.partitions() && status.lag() > 0)
                    && statuses.get(statuses.size() - 1).handled() > 500;
        });
    }

    private static void assertBalanced(Balance balance) {
        assertThat(balance.produced()).isPositive();
        assertThat(balance.handledForGood() + balance.onTopic()).isEqualTo(balance.before() + balance.produced());
        assertThat(balance.verdict()).isEqualTo("nothing was lost.");
    }

    private static Backlog.Offsets offsets(EmbeddedKafkaBroker broker) {
        Backlog backlog = new Backlog(
                new KafkaAdmin(Map.of(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, broker.getBrokersAsString())));
        try {
            return backlog.read();
        } finally {
            backlog.destroy();
        }
    }

    private static long sum(Map<?, Long> offsets) {
        return offsets.values().stream().mapToLong(Long::longValue).sum();
    }
}
