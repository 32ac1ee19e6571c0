package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.test.Scenario;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.listener.CommonErrorHandler;
import org.springframework.kafka.listener.DefaultErrorHandler;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;
import org.springframework.util.backoff.FixedBackOff;

/** Who gets what room there is, and who waits for none. */
@EmbeddedKafka(partitions = 1)
class RoomIT {

    private final String brokers;

    RoomIT(EmbeddedKafkaBroker broker) {
        this.brokers = broker.getBrokersAsString();
    }

    @Test
    void ofTwoConsumersNeitherStarvesWhileTheOtherKeepsTheLimitBusy() {
        CountDownLatch release = new CountDownLatch(1);
        AtomicInteger[] handled = {new AtomicInteger(), new AtomicInteger()};
        Scenario.Builder builder = Scenario.of(brokers, "two-consumers")
                .partitions(2)
                .property("spring.kafka.listener.concurrency=2")
                .listener("max-in-flight=100", "ordering=unordered", "max-concurrency=100")
                .handler(record -> {
                    if (record.value().equals("hang")) {
                        release.await();
                    }
                    Thread.sleep(20);
                    handled[record.partition()].incrementAndGet();
                });
        try (Scenario scenario = builder.prepare()) {
            // These keep the level near the low watermark.
            for (int i = 0; i < 40; i++) {
                scenario.send(0, "key", "hang");
            }
            for (int i = 0; i < 1000; i++) {
                scenario.send(0, "key", "good");
                scenario.send(1, "key", "good");
            }
            scenario.flush();
            scenario.startApplication(builder);
            await().atMost(Duration.ofSeconds(20)).until(() -> handled[1].get() >= 500);
            release.countDown();
            scenario.awaitHandled(2040);
            assertThat(scenario.peakInFlight()).isLessThanOrEqualTo(100);
        }
    }

    @Test
    void consumersWithoutPartitionsHoldNoRoom() {
        try (Scenario scenario = Scenario.of(brokers, "idle-consumers")
                .partitions(1)
                .property("spring.kafka.listener.concurrency=8")
                .listener("max-in-flight=8", "ordering=unordered")
                .handler(record -> Thread.sleep(10))
                .start()) {
            scenario.sendTo(0, 300);
            scenario.awaitHandled(300);
            // With room reserved for seven more polls there would be one at a time.
            assertThat(scenario.peakRunning()).isGreaterThan(2);
            assertThat(scenario.peakInFlight()).isLessThanOrEqualTo(8);
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class ShortBackOff {

        @Bean
        CommonErrorHandler errorHandler() {
            return new DefaultErrorHandler(new FixedBackOff(100, 5));
        }
    }

    @Test
    void aStopDoesNotWaitForARecordThatOnlyWaitsForAWorkerAfterItsBackOff() {
        CountDownLatch failed = new CountDownLatch(1);
        CountDownLatch running = new CountDownLatch(1);
        Scenario.Builder builder = Scenario.of(brokers, "waits-for-a-slot")
                .partitions(2)
                .listener("max-concurrency=1", "drain-timeout=10s")
                .with(ShortBackOff.class)
                .handler(record -> {
                    if (record.value().equals("fail")) {
                        failed.countDown();
                        throw new IllegalStateException("fails");
                    }
                    running.countDown();
                    Thread.sleep(2_000); // longer than the back-off, so that the other waits for this one's slot
                });
        try (Scenario scenario = builder.start()) {
            scenario.send(0, "key", "fail");
            scenario.flush();
            await().until(() -> failed.getCount() == 0);
            for (int i = 0; i < 5; i++) {
                scenario.send(1, "key", "slow");
            }
            scenario.flush();
            await().until(() -> running.getCount() == 0);
            long begun = System.nanoTime();
            scenario.container().stop();
            assertThat(Duration.ofNanos(System.nanoTime() - begun)).isLessThan(Duration.ofSeconds(6));
            assertThat(scenario.container().getInFlight()).isZero();
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class ShortBackOffForLong {

        @Bean
        CommonErrorHandler errorHandler() {
            return new DefaultErrorHandler(new FixedBackOff(100, FixedBackOff.UNLIMITED_ATTEMPTS));
        }
    }

    /** The second member wants one of two topics only, so that the record with the slot stays where it is. */
    @Test
    void aRevokeDoesNotWaitForARecordThatOnlyWaitsForAWorkerAfterItsBackOff() {
        CountDownLatch release = new CountDownLatch(1);
        AtomicInteger hanging = new AtomicInteger();
        AtomicInteger failures = new AtomicInteger();
        Set<String> failedElsewhere = ConcurrentHashMap.newKeySet();
        Scenario.Builder first = member("revoked", "revoked-other").handler(record -> {
            if (record.topic().equals("revoked-other")) {
                hanging.incrementAndGet();
                Scenario.hang(release);
            } else {
                failures.incrementAndGet();
                throw new IllegalStateException("fails");
            }
        });
        Scenario.Builder second = member("revoked").handler(record -> failedElsewhere.add(record.value()));
        try (Scenario scenario = first.start();
                Scenario other = member("revoked-other").prepare();
                Scenario newcomer = second.prepare()) {
            scenario.send(0, "key", "of the first");
            scenario.send(1, "key", "of the second");
            scenario.flush();
            await().until(() -> failures.get() >= 2);
            other.send(0, "key", "hangs");
            other.flush();
            await().until(() -> hanging.get() == 1);
            await().until(() -> {
                int before = failures.get();
                Thread.sleep(300); // three back-offs
                return failures.get() == before;
            });

            newcomer.startApplication(second);
            await().atMost(Duration.ofSeconds(12)).until(() -> failedElsewhere.size() == 1);
            assertThat(release.getCount())
                    .as("the worker was not free meanwhile")
                    .isEqualTo(1);
            release.countDown();
        }
    }

    private Scenario.Builder member(String... topics) {
        Scenario.Builder builder = Scenario.of(brokers, "revoked")
                .listener("max-concurrency=1", "drain-timeout=20s")
                .consumer(
                        "partition.assignment.strategy=org.apache.kafka.clients.consumer.CooperativeStickyAssignor",
                        "heartbeat.interval.ms=200")
                .with(ShortBackOffForLong.class);
        for (String topic : topics) {
            builder.topic(topic, topic.equals("revoked") ? 2 : 1);
        }
        return builder;
    }
}
