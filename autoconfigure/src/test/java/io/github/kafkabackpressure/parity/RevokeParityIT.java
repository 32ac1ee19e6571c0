package io.github.kafkabackpressure.parity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.parity.ParityApps.Run;
import io.github.kafkabackpressure.parity.ParityApps.Seen;
import java.time.Duration;
import java.util.List;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.listener.DefaultErrorHandler;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;
import org.springframework.util.backoff.FixedBackOff;

/** A partition moves to another member of the group while one of its records waits to be tried again. */
@EmbeddedKafka(
        partitions = 2,
        brokerProperties = {
            "group.min.session.timeout.ms=1000",
            "group.consumer.min.heartbeat.interval.ms=200",
            "group.consumer.heartbeat.interval.ms=300",
            "offsets.topic.num.partitions=1"
        })
class RevokeParityIT {

    private static final List<String> PROTOCOLS = List.of("eager", "cooperative", "consumer-protocol");

    private static ParityApps apps;

    @BeforeAll
    static void start(EmbeddedKafkaBroker broker) {
        for (String topic : PROTOCOLS) {
            for (Run run : Run.values()) {
                broker.addTopics(run.name(topic));
            }
        }
        apps = new ParityApps(
                broker,
                List.of(Handlers.class, Listeners.class),
                "kafka.backpressure.listener.drain-timeout=60s"); // longer than the test waits for the next owner
    }

    @AfterAll
    static void stop() {
        apps.close();
    }

    @Configuration(proxyBeanMethods = false)
    static class Handlers {

        /** With {@code @KafkaListener} the whole group waits until a back-off is over; with ours the revoke ends it. */
        @Bean
        DefaultErrorHandler errorHandler(@Value("${run}") String run) {
            return new DefaultErrorHandler(
                    new FixedBackOff(run.equals("k") ? 300 : 60_000, FixedBackOff.UNLIMITED_ATTEMPTS));
        }
    }

    static class Listeners {

        private final Seen seen;

        private final boolean fails;

        Listeners(Seen seen, @Value("${fails:true}") boolean fails) {
            this.seen = seen;
            this.fails = fails;
        }

        @BackpressuredListener(
                id = "eager",
                properties = {
                    "heartbeat.interval.ms=200",
                    "partition.assignment.strategy=org.apache.kafka.clients.consumer.RangeAssignor"
                })
        void eager(ConsumerRecord<String, String> record) {
            handle("eager", record);
        }

        @BackpressuredListener(
                id = "cooperative",
                properties = {
                    "heartbeat.interval.ms=200",
                    "partition.assignment.strategy=org.apache.kafka.clients.consumer.CooperativeStickyAssignor"
                })
        void cooperative(ConsumerRecord<String, String> record) {
            handle("cooperative", record);
        }

        @BackpressuredListener(id = "consumer-protocol", properties = "group.protocol=consumer")
        void consumerProtocol(ConsumerRecord<String, String> record) {
            handle("consumer-protocol", record);
        }

        private void handle(String id, ConsumerRecord<String, String> record) {
            seen.add(id + " " + record.partition(), record.value());
            if (fails) {
                throw new IllegalStateException(record.value());
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void theNextOwnerHandlesWhatWaitedToBeTriedAgain(Run run) throws Exception {
        for (String id : PROTOCOLS) {
            for (int partition = 0; partition < 2; partition++) {
                for (String value : List.of("a", "b", "c")) {
                    apps.template(run)
                            .send(run.name(id), partition, "key", value)
                            .get();
                }
            }
        }
        for (String id : PROTOCOLS) {
            // One that fails may hold up the other partition with @KafkaListener.
            await().until(() -> !apps.seen(run, id + " 0").isEmpty()
                    || !apps.seen(run, id + " 1").isEmpty());
        }
        try (ConfigurableApplicationContext second = apps.startAnother(run, "fails=false")) {
            Seen seen = second.getBean(Seen.class);
            for (String id : PROTOCOLS) {
                await().atMost(Duration.ofSeconds(30))
                        .until(() -> seen.of(id + " 0").size() == 3
                                || seen.of(id + " 1").size() == 3);
            }
            apps.context(run).close();
            for (String id : PROTOCOLS) {
                for (int partition = 0; partition < 2; partition++) {
                    String what = id + " " + partition;
                    await().untilAsserted(() -> assertThat(seen.of(what)).containsExactly("a", "b", "c"));
                }
            }
        }
        for (String id : PROTOCOLS) {
            for (int partition = 0; partition < 2; partition++) {
                assertThat(apps.committed(run.name(id), run.name(id), partition))
                        .isEqualTo(3);
            }
        }
    }
}
