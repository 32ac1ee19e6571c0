package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.DropReason;
import io.github.kafkabackpressure.test.TestApp;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.Test;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.kafka.config.KafkaListenerEndpointRegistry;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;

/**
 * Four times as many records as can be handled, for some seconds; for ten minutes with {@code -Dscenario.heavy=true}, or as
 * many seconds as {@code -Doverload.seconds} says.
 */
@EmbeddedKafka(
        partitions = 1,
        brokerProperties = {"offsets.topic.num.partitions=1", "group.initial.rebalance.delay.ms=0"})
class LastingOverloadIT {

    private static final boolean HEAVY = Boolean.getBoolean("scenario.heavy");

    private static final Duration OVERLOAD =
            Duration.ofSeconds(Integer.getInteger("overload.seconds", HEAVY ? 600 : 5));

    private static final String TOPIC = "lasting";

    private static final int PARTITIONS = 4;

    private static final int LIMIT = 100;

    /** Four workers of 4 ms each handle at most 1,000 records a second; so many are sent in 10 ms. */
    private static final int SENT_IN_TEN_MILLIS = 40;

    private static final int SAMPLES = 15;

    private static final long MOST_GROWTH = 15_000_000;

    private final String brokers;

    LastingOverloadIT(EmbeddedKafkaBroker broker) {
        this.brokers = broker.getBrokersAsString();
    }

    /** Keeps no more of a record than a bit. */
    static final class Slow {

        private final List<BitSet> handled = new ArrayList<>();

        private boolean repeated;

        Slow() {
            for (int partition = 0; partition < PARTITIONS; partition++) {
                handled.add(new BitSet());
            }
        }

        @BackpressuredListener(id = "lasting", topics = TOPIC)
        void on(ConsumerRecord<String, String> record) throws InterruptedException {
            Thread.sleep(4);
            synchronized (handled) {
                BitSet ofPartition = handled.get(record.partition());
                repeated |= ofPartition.get((int) record.offset());
                ofPartition.set((int) record.offset());
            }
        }

        long count() {
            synchronized (handled) {
                return handled.stream().mapToLong(BitSet::cardinality).sum();
            }
        }
    }

    @Test
    void everyRecordIsHandledOrDroppedWithACountTheLimitHoldsAndTheHeapIsFlat() throws Exception {
        Slow slow = new Slow();
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", brokers))) {
            admin.createTopics(List.of(new NewTopic(TOPIC, PARTITIONS, (short) 1)))
                    .all()
                    .get(20, TimeUnit.SECONDS);
            try (ConfigurableApplicationContext context = TestApp.start(
                    brokers,
                    beans -> beans.registerBean(Slow.class, () -> slow),
                    List.of(),
                    "spring.kafka.listener.concurrency=2",
                    "kafka.backpressure.listener.ordering=key",
                    "kafka.backpressure.listener.overflow=drop-oldest",
                    "kafka.backpressure.listener.max-in-flight=" + LIMIT,
                    "kafka.backpressure.listener.max-concurrency=4")) {
                var container = (BackpressuredMessageListenerContainer<?, ?>)
                        context.getBean(KafkaListenerEndpointRegistry.class).getListenerContainer("lasting");
                List<Long> heap = new ArrayList<>();
                AtomicBoolean exceeded = new AtomicBoolean();
                long sent = overload(() -> exceeded.compareAndSet(false, container.getInFlight() > LIMIT), heap);
                await().atMost(Duration.ofSeconds(60)).until(() -> committed(admin) == sent);

                long handled = slow.count();
                long dropped = container.getDropped().getOrDefault(DropReason.MAX_IN_FLIGHT, 0L);
                System.out.printf(
                        "%,d sent in %s, %,d handled, %,d dropped; heap in MB: %s%n",
                        sent,
                        OVERLOAD,
                        handled,
                        dropped,
                        heap.stream().map(bytes -> bytes / 1_000_000).toList());
                assertThat(handled + dropped).isEqualTo(sent);
                assertThat(dropped).isGreaterThan(sent / 3);
                assertThat(exceeded).isFalse();
                assertThat(slow.repeated).isFalse();
                assertThat(container.getInFlight()).isZero();
                assertThat(average(heap.subList(2 * SAMPLES / 3, SAMPLES))
                                - average(heap.subList(SAMPLES / 3, 2 * SAMPLES / 3)))
                        .as("%s", heap)
                        .isLessThan(MOST_GROWTH);
            }
        }
    }

    /** Sends until it is over, and looks at the heap now and then. */
    private long overload(Runnable look, List<Long> heap) throws InterruptedException {
        long sent = 0;
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(
                Map.of("bootstrap.servers", brokers, "linger.ms", 5), new StringSerializer(), new StringSerializer())) {
            long start = System.nanoTime();
            long next = start;
            while (heap.size() < SAMPLES) {
                for (int i = 0; i < SENT_IN_TEN_MILLIS; i++) {
                    producer.send(new ProducerRecord<>(
                            TOPIC, (int) (sent % PARTITIONS), "k" + sent % 37, String.valueOf(sent)));
                    sent++;
                }
                look.run();
                if (System.nanoTime() - start > OVERLOAD.toNanos() * (heap.size() + 1) / SAMPLES) {
                    heap.add(liveHeap());
                }
                next += TimeUnit.MILLISECONDS.toNanos(10);
                TimeUnit.NANOSECONDS.sleep(next - System.nanoTime());
            }
            return sent;
        }
    }

    private static long liveHeap() {
        System.gc();
        return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
    }

    private static double average(List<Long> samples) {
        return samples.stream().mapToLong(Long::longValue).average().orElseThrow();
    }

    private static long committed(Admin admin) throws Exception {
        Map<TopicPartition, OffsetAndMetadata> offsets = admin.listConsumerGroupOffsets("lasting")
                .partitionsToOffsetAndMetadata()
                .get(20, TimeUnit.SECONDS);
        return offsets.values().stream().mapToLong(OffsetAndMetadata::offset).sum();
    }
}
