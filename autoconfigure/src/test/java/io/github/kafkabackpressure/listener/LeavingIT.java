package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.test.Scenario;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.junit.jupiter.api.Test;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;

/** Last commits that cannot be made at once. */
@EmbeddedKafka(
        partitions = 1,
        brokerProperties = {"group.initial.rebalance.delay.ms=0", "group.min.session.timeout.ms=1000"})
class LeavingIT {

    private static final String COOPERATIVE = "org.apache.kafka.clients.consumer.CooperativeStickyAssignor";

    private final String brokers;

    LeavingIT(EmbeddedKafkaBroker broker) {
        this.brokers = broker.getBrokersAsString();
    }

    private KafkaConsumer<String, String> member(String group) {
        Map<String, Object> properties = new HashMap<>();
        properties.put("bootstrap.servers", brokers);
        properties.put("group.id", group);
        properties.put("partition.assignment.strategy", COOPERATIVE);
        properties.put("heartbeat.interval.ms", 200);
        properties.put("session.timeout.ms", 3000);
        properties.put("max.poll.interval.ms", 6000);
        KafkaConsumer<String, String> consumer =
                new KafkaConsumer<>(properties, new StringDeserializer(), new StringDeserializer());
        consumer.subscribe(List.of(group));
        return consumer;
    }

    @Test
    void whatWasFinishedDuringALongRebalanceIsCommittedByAStop() {
        String id = "long-rebalance";
        AtomicInteger released = new AtomicInteger(0);
        try (Scenario scenario = Scenario.of(brokers, id)
                        .partitions(3)
                        .consumer(
                                "partition.assignment.strategy=" + COOPERATIVE,
                                "heartbeat.interval.ms=200",
                                "session.timeout.ms=3000")
                        .listener("drain-timeout=30s", "max-concurrency=4")
                        .handler(record -> {
                            while (released.get() == 0) {
                                Thread.sleep(5);
                            }
                        })
                        .start();
                KafkaConsumer<String, String> silent = member(id);
                KafkaConsumer<String, String> joining = member(id)) {
            await().until(() -> {
                silent.poll(Duration.ofMillis(50));
                return silent.assignment().size() == 1
                        && scenario.snapshot().partitions().size() == 2;
            });
            int own = scenario.snapshot().partitions().get(0).partition();
            scenario.sendTo(own, 200);
            await().until(() -> scenario.snapshot(own).inFlight() > 0);
            // From here on the silent member holds up the rebalance that the joining one asks for.
            await().until(() -> {
                joining.poll(Duration.ofMillis(50));
                return scenario.admin()
                        .describeConsumerGroups(List.of(id))
                        .describedGroups()
                        .get(id)
                        .get()
                        .groupState()
                        .toString()
                        .equals("PreparingRebalance");
            });
            released.set(1);
            scenario.awaitHandled(200);
            assertThat(scenario.committed(own)).isLessThan(200);

            scenario.closeApplication();

            assertThat(scenario.committed(own)).isEqualTo(200);
        }
    }

    @Test
    void aTopicThatIsDeletedHoldsUpNoOther() {
        String id = "deleted";
        CountDownLatch deleted = new CountDownLatch(1);
        try (Scenario scenario = Scenario.of(brokers, id)
                .topic("deleted-kept", 1)
                .topic("deleted-gone", 1)
                .consumer("metadata.max.age.ms=500", "allow.auto.create.topics=false")
                .listener("drain-timeout=25s", "commit-interval=60s")
                .handler(record -> {
                    if (record.topic().equals("deleted-gone") && record.value().equals("19")) {
                        deleted.await();
                    }
                })
                .start()) {
            scenario.send(20); // every second one to each topic
            scenario.awaitHandled(19);

            scenario.admin().deleteTopics(List.of("deleted-gone"));
            await().until(() -> !scenario.admin().listTopics().names().get().contains("deleted-gone"));
            deleted.countDown();
            await().until(() -> scenario.snapshot().partitions().size() == 1);
            long before = System.nanoTime();
            scenario.sendTo(0, 5);
            scenario.awaitHandled(25);
            assertThat(Duration.ofNanos(System.nanoTime() - before)).isLessThan(Duration.ofSeconds(10));
        }
    }
}
