package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.actuate.BackpressureHealthIndicator;
import io.github.kafkabackpressure.listener.ListenerAlarm.Kind;
import io.github.kafkabackpressure.test.Scenario;
import io.github.kafkabackpressure.test.TestApp;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.Status;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.ApplicationContext;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.event.EventListener;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.support.Acknowledgment;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;

/** What the watchdog tells of, and what it does not. */
@EmbeddedKafka(partitions = 1, brokerProperties = "offsets.topic.num.partitions=1")
@ExtendWith(OutputCaptureExtension.class)
class WatchdogIT {

    private final String brokers;

    WatchdogIT(EmbeddedKafkaBroker broker) {
        this.brokers = broker.getBrokersAsString();
    }

    private static Health health(ApplicationContext context) {
        return context.getBean(BackpressureHealthIndicator.class).health();
    }

    private static double gauge(ApplicationContext context, String name, String... tags) {
        return context.getBean(MeterRegistry.class)
                .get("kafka.backpressure.listener." + name)
                .tags(tags)
                .gauge()
                .value();
    }

    @Test
    void aRecordThatHangsIsFoundByEventLogMeterSnapshotAndHealth(CapturedOutput output) {
        CountDownLatch release = new CountDownLatch(1);
        int records = 20_000;
        try (Scenario scenario = Scenario.of(brokers, "hung")
                .with(Alarms.class)
                .listener("ordering=key", "slow-record-threshold=1s", "frontier-timeout=1s")
                .property("kafka.backpressure.health.grace=300ms")
                .handler(record -> {
                    if (record.offset() == 3) {
                        Scenario.hang(release);
                    }
                })
                .start()) {
            for (int i = 0; i <= records; i++) {
                scenario.send(0, "key-" + i, "secret");
            }
            scenario.flush();
            scenario.awaitHandled(records);

            Queue<ListenerAlarm> alarms = scenario.context().getBean(Alarms.class).alarms;
            await().atMost(Duration.ofSeconds(20)).until(() -> alarms.size() == 2);
            assertThat(alarms).extracting(ListenerAlarm::kind).containsOnly(Kind.SLOW_RECORD, Kind.FRONTIER_STUCK);
            assertThat(alarms)
                    .filteredOn(alarm -> alarm.kind() == Kind.SLOW_RECORD)
                    .singleElement()
                    .satisfies(alarm -> {
                        assertThat(alarm.listener()).isEqualTo("hung");
                        assertThat(alarm.topic() + alarm.partition() + "@" + alarm.offset())
                                .isEqualTo("hung0@3");
                        assertThat(alarm.over()).isFalse();
                        assertThat(alarm.stack()).contains("Scenario.hang");
                    });
            assertThat(output.getOut().lines().filter(line -> line.contains("hung-0@3 has been handled")))
                    .hasSize(1);
            assertThat(output.getOut()).doesNotContain("secret");
            await().until(() -> health(scenario.context()).getStatus().equals(Status.DOWN));
            assertThat(health(scenario.context()).getDetails().toString()).contains("hung-0@3");
            assertThat(scenario.snapshot().pastFrontier()).isEqualTo(records - 2);
            assertThat(scenario.snapshot().alarms()).hasSize(2);
            assertThat(gauge(scenario.context(), "alarms.active", "kind", "slow-record"))
                    .isEqualTo(1);
            assertThat(gauge(scenario.context(), "past.frontier")).isEqualTo(records - 2);

            release.countDown();
            await().until(() -> alarms.stream().filter(ListenerAlarm::over).count() == 2);
            await().until(() -> health(scenario.context()).getStatus().equals(Status.UP));
            assertThat(scenario.snapshot().alarms()).isEmpty();
            assertThat(scenario.snapshot().timeline())
                    .extracting(ListenerEvent::kind)
                    .contains(ListenerEvent.Kind.ALARM, ListenerEvent.Kind.CLEARED);
        }
    }

    @Test
    void idlePausedAndSlowListenersThatMakeProgressRaiseNoAlarm(CapturedOutput output) throws Exception {
        AtomicInteger millis = new AtomicInteger();
        try (Scenario scenario = Scenario.of(brokers, "calm")
                .partitions(2)
                .property("spring.kafka.listener.concurrency=3")
                .with(Alarms.class)
                .listener(
                        "max-in-flight=10",
                        "max-concurrency=1",
                        "stall-timeout=1s",
                        "slow-record-threshold=1s",
                        "frontier-timeout=1s")
                .handler(record -> Thread.sleep(millis.get()))
                .start()) {
            Queue<ListenerAlarm> alarms = scenario.context().getBean(Alarms.class).alarms;
            Thread.sleep(2500); // time that must pass: idle for longer than all thresholds

            millis.set(50);
            scenario.send(60); // paused by max-in-flight and by shares, for longer than all thresholds
            scenario.awaitHandled(60);

            scenario.container().pause();
            await().until(() -> scenario.snapshot().pausedPartitions() == 2);
            scenario.send(20);
            Thread.sleep(3500); // paused by its user
            assertThat(scenario.handledCount()).isEqualTo(60);
            scenario.container().resume();
            scenario.awaitHandled(80);

            assertThat(alarms).isEmpty();
            await().untilAsserted(
                            () -> assertThat(output.getOut()).contains("'calm': 1 of 3 consumers have no partition"));
        }
    }

    @Test
    void aRecordThatNobodyAcknowledgesIsNamedAsSuchWhileItRunsAndAtTheStop(CapturedOutput output) {
        try (ConfigurableApplicationContext context = TestApp.start(
                brokers,
                List.of(Forgetful.class, Alarms.class),
                "spring.kafka.listener.ack-mode=manual",
                "kafka.backpressure.listener.slow-record-threshold=500ms",
                "kafka.backpressure.listener.drain-timeout=500ms")) {
            context.getBean("kafkaTemplate", KafkaTemplate.class).send("forgotten", "value");
            Queue<ListenerAlarm> alarms = context.getBean(Alarms.class).alarms;

            await().until(() -> !alarms.isEmpty());

            assertThat(alarms.element().text()).contains("forgotten-0@0", "nobody has acknowledged it");
        }
        assertThat(output.getOut()).contains("not acknowledged");
    }

    @Configuration(proxyBeanMethods = false)
    static class Forgetful {

        @Bean
        ForgetfulListener forgetful() {
            return new ForgetfulListener();
        }
    }

    static class ForgetfulListener {

        @BackpressuredListener(id = "forgetful", topics = "forgotten")
        void handle(String value, Acknowledgment acknowledgment) {}
    }

    static class Alarms {

        final Queue<ListenerAlarm> alarms = new ConcurrentLinkedQueue<>();

        @EventListener
        void alarm(ListenerAlarm alarm) {
            alarms.add(alarm);
        }
    }
}
