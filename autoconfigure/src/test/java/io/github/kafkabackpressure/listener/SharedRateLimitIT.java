package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.bucket4j.redis.lettuce.Bucket4jLettuce;
import io.github.kafkabackpressure.rate.Bucket4jSharedRateLimit;
import io.github.kafkabackpressure.rate.SharedRateLimit;
import io.github.kafkabackpressure.test.RedisProcess;
import io.github.kafkabackpressure.test.Scenario;
import io.lettuce.core.RedisClient;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;

/** One rate for two instances, kept in a Redis that is frozen and killed. */
@EmbeddedKafka(
        partitions = 1,
        brokerProperties = {"offsets.topic.num.partitions=1", "group.initial.rebalance.delay.ms=0"})
class SharedRateLimitIT {

    private static final int RATE = 40;

    private static final int BURST = 10;

    private final String brokers;

    private final Queue<Long> started = new ConcurrentLinkedQueue<>();

    private RedisProcess redis;

    private RedisClient client;

    SharedRateLimitIT(EmbeddedKafkaBroker broker) {
        this.brokers = broker.getBrokersAsString();
    }

    @BeforeEach
    void startRedis() throws Exception {
        Assumptions.assumeTrue(
                RedisProcess.isInstalled(), "redis-server is not installed: apt-get install redis-server");
        redis = RedisProcess.start();
        client = RedisClient.create(redis.url());
    }

    @AfterEach
    void stopRedis() {
        if (client != null) {
            client.shutdown(Duration.ZERO, Duration.ofSeconds(2));
        }
        if (redis != null) {
            redis.close();
        }
    }

    @Test
    void twoInstancesTogetherKeepTheRate() {
        try (Scenario one = builder("two", "wait").start();
                Scenario two = builder("two", "wait").start()) {
            await().atMost(Duration.ofSeconds(30))
                    .until(() -> one.snapshot().partitions().size() == 1
                            && two.snapshot().partitions().size() == 1);
            long begun = System.nanoTime();
            one.sendTo(0, 80);
            one.sendTo(1, 80);
            await().atMost(Duration.ofSeconds(60)).until(() -> one.handledCount() + two.handledCount() == 160);

            assertThat(one.handledCount()).isEqualTo(80);
            assertRateIsKept(begun);
            long last = List.copyOf(started).get(159);
            assertThat((last - begun) / 1e9).as("the rate is used").isLessThan(160.0 / RATE + 4);
        }
    }

    @Test
    void recordsWaitWhileRedisIsFrozenAndGoOnWhenItIsBack() {
        try (Scenario scenario = builder("frozen", "wait").start()) {
            scenario.sendTo(0, 200);
            scenario.awaitHandled(20);
            redis.freeze();
            int[] handled = {-1};
            await().atMost(Duration.ofSeconds(20)).until(() -> {
                boolean same = handled[0] == scenario.handledCount();
                handled[0] = scenario.handledCount();
                Thread.sleep(400);
                return same;
            });
            assertThat(scenario.handledCount()).isLessThan(200);
            redis.thaw();
            await().atMost(Duration.ofSeconds(40)).until(() -> scenario.handledCount() == 200);
        }
    }

    @Test
    void recordsGoByTheLocalShareWhenRedisIsDead() {
        try (Scenario scenario = builder("dead", "local-share").start()) {
            scenario.sendTo(0, 200);
            scenario.awaitHandled(20);
            redis.close();
            long begun = System.nanoTime();
            int handled = scenario.handledCount();
            await().atMost(Duration.ofSeconds(60)).until(() -> scenario.handledCount() == 200);

            double seconds = (System.nanoTime() - begun) / 1e9;
            assertThat(200 - handled).isLessThanOrEqualTo((int) (RATE * seconds) + 2 * BURST);
        }
    }

    private void assertRateIsKept(long begun) {
        List<Long> times = List.copyOf(started).stream().sorted().toList();
        for (int i = 0; i < times.size(); i++) {
            assertThat(i + 1).isLessThanOrEqualTo((int) (BURST + RATE * ((times.get(i) - begun) / 1e9 + 0.05)) + 1);
        }
    }

    private Scenario.Builder builder(String id, String onFailure) {
        return Scenario.of(brokers, id)
                .partitions(2)
                .listener(
                        "ordering=unordered",
                        "max-in-flight=400",
                        "rate-limit.rate=" + RATE,
                        "rate-limit.burst=" + BURST,
                        "rate-limit.ahead=4",
                        "rate-limit.shared=limits",
                        "rate-limit.on-failure=" + onFailure)
                .beans(beans -> beans.registerBean(
                        "limits",
                        SharedRateLimit.class,
                        () -> Bucket4jSharedRateLimit.ofBytes(
                                Bucket4jLettuce.casBasedBuilder(client).build())))
                .handler(record -> started.add(System.nanoTime()));
    }
}
