package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.test.BrokerProcess;
import io.github.kafkabackpressure.test.Scenario;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.springframework.context.ApplicationListener;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.config.ContainerCustomizer;
import org.springframework.kafka.event.ConsumerRetryAuthEvent;
import org.springframework.kafka.event.ConsumerStoppedEvent;
import org.springframework.kafka.event.KafkaEvent;
import org.springframework.kafka.listener.ConcurrentMessageListenerContainer;

/** A broker that freezes, dies and comes back, or refuses. */
@Tag("long")
class FailingBrokerIT {

    private static BrokerProcess broker;

    @BeforeAll
    static void startBroker() {
        broker = BrokerProcess.start(
                "384m",
                Map.of(
                        "authorizer.class.name",
                        "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                        "allow.everyone.if.no.acl.found",
                        "true",
                        "group.min.session.timeout.ms",
                        "1000",
                        // A broker that was killed may register again only after this.
                        "broker.session.timeout.ms",
                        "2000",
                        "broker.heartbeat.interval.ms",
                        "500"));
    }

    @AfterAll
    static void stopBroker() {
        broker.close();
    }

    private static Duration timed(Runnable action) {
        long began = System.nanoTime();
        action.run();
        return Duration.ofNanos(System.nanoTime() - began);
    }

    @Test
    void commitsThatAFrozenBrokerDoesNotAnswerAreMadeUpFor() {
        Semaphore permits = new Semaphore(0);
        try (Scenario scenario = Scenario.of(broker.bootstrapServers(), "frozen-commit")
                .listener("ordering=unordered", "commit-interval=100ms", "max-in-flight=20")
                .consumer("request.timeout.ms=2000", "default.api.timeout.ms=3000")
                .handler(record -> permits.acquire())
                .start()) {
            scenario.send(40);
            await().until(() -> scenario.inFlight() > 10);
            broker.freeze();
            try {
                permits.release(40);
                // What is in flight is handled though nothing can be committed, and a request's time goes by.
                await().until(() -> scenario.inFlight() == 0);
                await().pollDelay(Duration.ofMillis(2500)).until(() -> true);
            } finally {
                broker.resume();
            }
            scenario.awaitHandled(40);
            await().atMost(Duration.ofSeconds(20)).until(() -> scenario.committed(0) == 40);
            assertThat(new HashSet<>(scenario.handledPositions())).hasSize(40);
            assertThat(scenario.peakInFlight()).isLessThanOrEqualTo(20);
            assertThat(scenario.snapshot().pausedPartitions()).isZero();
        }
    }

    @Test
    void stopIsBoundedWhenTheBrokerIsFrozen() {
        CountDownLatch started = new CountDownLatch(1);
        Scenario.Builder builder = Scenario.of(broker.bootstrapServers(), "frozen-stop")
                .listener("drain-timeout=2s", "commit-interval=1h")
                .consumer("session.timeout.ms=1500", "heartbeat.interval.ms=300")
                .handler(record -> {
                    started.countDown();
                    Thread.sleep(300);
                });
        try (Scenario scenario = builder.start()) {
            scenario.send(3);
            await().until(() -> started.getCount() == 0 && scenario.polled() == 3);
            broker.freeze();
            try {
                // The drain, the last commit within what is left of the drain's time, and the margin for leaving.
                Duration stop = timed(() -> scenario.container().stop());
                System.out.println("stop with a frozen broker: " + stop.toMillis() + " ms");
                assertThat(stop).isLessThan(Duration.ofSeconds(9));
                await().atMost(Duration.ofSeconds(9))
                        .until(() -> !scenario.container().isChildRunning());
                assertThat(scenario.container().getInFlight()).isZero();
            } finally {
                broker.resume();
            }
            scenario.container().start();
            await().atMost(Duration.ofSeconds(20)).until(() -> scenario.committed(0) == 3);
            assertThat(new HashSet<>(scenario.handledPositions())).hasSize(3);
        }
    }

    @Test
    void revokeGoesOnWhenTheBrokerIsFrozenDuringItsCommit() {
        CountDownLatch hold = new CountDownLatch(1);
        String[] quick = {"heartbeat.interval.ms=200", "request.timeout.ms=2000", "default.api.timeout.ms=3000"};
        Scenario.Builder builder = Scenario.of(broker.bootstrapServers(), "frozen-revoke")
                .partitions(2)
                .listener("drain-timeout=3s", "commit-interval=1h")
                .consumer(quick)
                .handler(record -> {
                    if (record.offset() == 3) {
                        hold.await();
                    }
                });
        try (Scenario first = builder.start()) {
            first.send(20);
            await().until(() -> first.running() == 2);
            try (Scenario second = Scenario.of(broker.bootstrapServers(), "frozen-revoke")
                    .partitions(2)
                    .consumer(quick)
                    .start()) {
                // The revoke has begun when what only waited is out of flight; what runs is waited for.
                await().until(() -> first.container().getInFlight() == 2);
                broker.freeze();
                hold.countDown();
                await().pollDelay(Duration.ofMillis(1500)).until(() -> first.running() == 0);
                broker.resume();
                await().atMost(Duration.ofSeconds(30)).until(() -> first.committedSum() == 20);
                assertThat(new HashSet<>(first.handledPositions()).size() + second.handledCount())
                        .isGreaterThanOrEqualTo(20);
                assertThat(first.container().getInFlight()).isZero();
            }
        } finally {
            broker.resume();
        }
    }

    @Test
    void goesOnAfterTheBrokerWasKilledAndCameBack() {
        try (Scenario scenario = Scenario.of(broker.bootstrapServers(), "killed")
                .partitions(2)
                .listener("max-in-flight=20")
                .consumer("request.timeout.ms=2000", "default.api.timeout.ms=3000", "reconnect.backoff.max.ms=500")
                .handler(record -> Thread.sleep(10))
                .start()) {
            scenario.send(400);
            scenario.awaitHandled(50);
            broker.kill();
            broker.restart();
            await().atMost(Duration.ofSeconds(40))
                    .until(() -> new HashSet<>(scenario.handledPositions()).size() == 400);
            await().atMost(Duration.ofSeconds(20)).until(() -> scenario.committedSum() == 400);
            assertThat(scenario.container().getInFlight()).isZero();
            assertThat(scenario.snapshot().pausedPartitions()).isZero();
        }
    }

    @Test
    void listenerThatMayNotReadIsStoppedAndClosesQuickly() throws Exception {
        Queue<ConsumerStoppedEvent.Reason> reasons = new ConcurrentLinkedQueue<>();
        Scenario.Builder builder = Scenario.of(broker.bootstrapServers(), "z1")
                .beans(context -> context.addApplicationListener(
                        (ApplicationListener<ConsumerStoppedEvent>) event -> reasons.add(event.getReason())));
        try (Scenario scenario = builder.prepare()) {
            forbidReading(scenario, "z1");
            scenario.startApplication(builder);
            await().until(() -> !scenario.container().isChildRunning());
            await().until(() -> reasons.contains(ConsumerStoppedEvent.Reason.AUTH));
            await().until(() -> !scenario.container().isRunning());
            assertThat(scenario.container().isInExpectedState()).isFalse();
            assertThat(scenario.container().getInFlight()).isZero();
            assertThat(timed(scenario::closeApplication)).isLessThan(Duration.ofSeconds(5));
        }
    }

    @Test
    void listenerThatRestartsAfterAuthorizationFailuresGoesOnWhenItMayReadAgain() throws Exception {
        Queue<ConsumerStoppedEvent.Reason> reasons = new ConcurrentLinkedQueue<>();
        Scenario.Builder builder = Scenario.of(broker.bootstrapServers(), "auth-restart")
                .with(RestartAfterAuthorizationFailures.class)
                .beans(context -> context.addApplicationListener(
                        (ApplicationListener<ConsumerStoppedEvent>) event -> reasons.add(event.getReason())));
        try (Scenario scenario = builder.prepare()) {
            AclBinding denied = forbidReading(scenario, "auth-restart");
            scenario.sendTo(0, 10);
            scenario.startApplication(builder);
            await().until(() -> reasons.size() >= 2);
            assertThat(scenario.handledCount()).isZero();
            scenario.admin().deleteAcls(List.of(denied.toFilter())).all().get();
            scenario.awaitHandled(10);
            await().until(() -> scenario.committed(0) == 10);
            assertThat(reasons).containsOnly(ConsumerStoppedEvent.Reason.AUTH);
            assertThat(scenario.container().getInFlight()).isZero();
        }
    }

    @Test
    void consumerThatRetriesAfterAuthorizationFailuresGoesOnWhenItMayReadAgain() throws Exception {
        AtomicInteger retries = new AtomicInteger();
        AtomicInteger stops = new AtomicInteger();
        Scenario.Builder builder = Scenario.of(broker.bootstrapServers(), "auth-retry")
                .with(RetryAfterAuthorizationFailures.class)
                .beans(context -> context.addApplicationListener((ApplicationListener<KafkaEvent>) event -> {
                    if (event instanceof ConsumerRetryAuthEvent) {
                        retries.incrementAndGet();
                    } else if (event instanceof ConsumerStoppedEvent) {
                        stops.incrementAndGet();
                    }
                }));
        try (Scenario scenario = builder.prepare()) {
            AclBinding denied = forbidReading(scenario, "auth-retry");
            scenario.sendTo(0, 10);
            scenario.startApplication(builder);
            await().until(() -> retries.get() >= 2);
            assertThat(scenario.handledCount()).isZero();
            scenario.admin().deleteAcls(List.of(denied.toFilter())).all().get();
            scenario.awaitHandled(10);
            await().until(() -> scenario.committed(0) == 10);
            assertThat(stops).hasValue(0);
            assertThat(scenario.container().getInFlight()).isZero();
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class RetryAfterAuthorizationFailures {

        @Bean
        ContainerCustomizer<Object, Object, ConcurrentMessageListenerContainer<Object, Object>> retry() {
            return container ->
                    container.getContainerProperties().setAuthExceptionRetryInterval(Duration.ofMillis(200));
        }
    }

    /** Says for the first time who may do what with a topic: all but reading. Returns what forbids that. */
    private static AclBinding forbidReading(Scenario scenario, String name) throws Exception {
        ResourcePattern topic = new ResourcePattern(ResourceType.TOPIC, name, PatternType.LITERAL);
        AclBinding denied = new AclBinding(topic, everyone(AclOperation.READ, AclPermissionType.DENY));
        scenario.admin()
                .createAcls(List.of(new AclBinding(topic, everyone(AclOperation.ALL, AclPermissionType.ALLOW)), denied))
                .all()
                .get();
        return denied;
    }

    /** What the property of the container needs, as there is none of the application for it. */
    @Configuration(proxyBeanMethods = false)
    static class RestartAfterAuthorizationFailures {

        @Bean
        ContainerCustomizer<Object, Object, ConcurrentMessageListenerContainer<Object, Object>> restart() {
            return container -> container.getContainerProperties().setRestartAfterAuthExceptions(true);
        }
    }

    private static AccessControlEntry everyone(AclOperation operation, AclPermissionType permission) {
        return new AccessControlEntry("User:*", "*", operation, permission);
    }
}
