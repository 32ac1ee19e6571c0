package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.test.TestApp;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerInterceptor;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.kafka.config.KafkaListenerEndpointRegistry;
import org.springframework.kafka.listener.AbstractConsumerSeekAware;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;

/**
 * Each kind of seek, made once by the method that handles record 10 of 200: with records and batches, in all orders, with
 * a method that does nothing, whose records come in slices, and one that takes its time.
 */
@EmbeddedKafka(partitions = 1)
class SeekingIT {

    private static final int RECORDS = 200;

    private static final long SEEKING = 10;

    /** The timestamp of the record at an offset is this and the offset; what is older than a week the broker may delete. */
    private static final long FIRST_TIMESTAMP = System.currentTimeMillis() - 3_600_000;

    private static final AtomicInteger RUNS = new AtomicInteger();

    private static String brokers;

    private static Admin admin;

    private static KafkaProducer<String, String> producer;

    @BeforeAll
    static void start(EmbeddedKafkaBroker broker) {
        brokers = broker.getBrokersAsString();
        admin = Admin.create(Map.of("bootstrap.servers", brokers));
        producer = new KafkaProducer<>(
                Map.of("bootstrap.servers", brokers), new StringSerializer(), new StringSerializer());
    }

    @AfterAll
    static void stop() {
        producer.close();
        admin.close();
    }

    /** A way to seek. */
    enum Kind {
        BACK_TO_AN_OFFSET {
            @Override
            void seek(Listener listener, TopicPartition partition) {
                listener.callbacks(partition)
                        .forEach(callback -> callback.seek(partition.topic(), partition.partition(), 5));
            }
        },
        BACK_FROM_WHERE_IT_STANDS {
            @Override
            void seek(Listener listener, TopicPartition partition) {
                listener.callbacks(partition)
                        .forEach(callback -> callback.seekRelative(partition.topic(), partition.partition(), -5, true));
            }
        },
        BY_A_FUNCTION {
            @Override
            void seek(Listener listener, TopicPartition partition) {
                listener.callbacks(partition)
                        .forEach(callback ->
                                callback.seek(partition.topic(), partition.partition(), current -> current - 5));
            }
        },
        TO_THE_BEGINNING {
            @Override
            void seek(Listener listener, TopicPartition partition) {
                listener.callbacks(partition).forEach(callback -> callback.seekToBeginning(List.of(partition)));
            }
        },
        ON_FROM_THE_BEGINNING {
            @Override
            void seek(Listener listener, TopicPartition partition) {
                listener.callbacks(partition)
                        .forEach(callback -> callback.seekRelative(partition.topic(), partition.partition(), 7, false));
            }
        },
        TO_THE_END {
            @Override
            void seek(Listener listener, TopicPartition partition) {
                listener.callbacks(partition)
                        .forEach(callback -> callback.seekToEnd(partition.topic(), partition.partition()));
            }
        },
        BACK_FROM_THE_END {
            @Override
            void seek(Listener listener, TopicPartition partition) {
                listener.callbacks(partition)
                        .forEach(
                                callback -> callback.seekRelative(partition.topic(), partition.partition(), -5, false));
            }
        },
        TO_A_TIMESTAMP {
            @Override
            void seek(Listener listener, TopicPartition partition) {
                listener.callbacks(partition)
                        .forEach(callback -> callback.seekToTimestamp(
                                partition.topic(), partition.partition(), FIRST_TIMESTAMP + 8));
            }
        },
        ON_TO_AN_OFFSET {
            @Override
            void seek(Listener listener, TopicPartition partition) {
                listener.callbacks(partition)
                        .forEach(callback -> callback.seek(partition.topic(), partition.partition(), 150));
            }
        },
        THERE_AND_BACK {
            @Override
            void seek(Listener listener, TopicPartition partition) {
                listener.callbacks(partition).forEach(callback -> {
                    callback.seekToBeginning(List.of(partition));
                    callback.seek(partition.topic(), partition.partition(), RECORDS - 3);
                    callback.seek(partition.topic(), partition.partition(), 9);
                });
            }
        };

        abstract void seek(Listener listener, TopicPartition partition);

        boolean mayPassRecordsOver() {
            return this == TO_THE_END || this == BACK_FROM_THE_END || this == ON_TO_AN_OFFSET;
        }

        boolean goesBackByFive() {
            return this == BACK_FROM_WHERE_IT_STANDS || this == BY_A_FUNCTION || this == BACK_FROM_THE_END;
        }
    }

    /** What Kafka's own consumer gave out. */
    public static final class Polled implements ConsumerInterceptor<Object, Object> {

        static final Map<String, Set<Long>> OFFSETS = new ConcurrentHashMap<>();

        @Override
        public ConsumerRecords<Object, Object> onConsume(ConsumerRecords<Object, Object> records) {
            records.forEach(record -> OFFSETS.computeIfAbsent(record.topic(), topic -> new ConcurrentSkipListSet<>())
                    .add(record.offset()));
            return records;
        }

        @Override
        public void onCommit(Map<TopicPartition, OffsetAndMetadata> offsets) {}

        @Override
        public void configure(Map<String, ?> configuration) {}

        @Override
        public void close() {}
    }

    /** Handles, and seeks once. */
    abstract static class Listener extends AbstractConsumerSeekAware {

        final String id;

        private final Kind kind;

        private final int millis;

        private final AtomicBoolean sought = new AtomicBoolean();

        final List<Long> handled = new CopyOnWriteArrayList<>();

        Listener(String id, Kind kind, int millis) {
            this.id = id;
            this.kind = kind;
            this.millis = millis;
        }

        public String getId() {
            return id;
        }

        List<ConsumerSeekCallback> callbacks(TopicPartition partition) {
            List<ConsumerSeekCallback> callbacks = getSeekCallbacksFor(partition);
            assertThat(callbacks).isNotEmpty();
            return callbacks;
        }

        void handle(List<ConsumerRecord<String, String>> records) throws InterruptedException {
            for (ConsumerRecord<String, String> record : records) {
                if (record.offset() == SEEKING && sought.compareAndSet(false, true)) {
                    kind.seek(this, new TopicPartition(record.topic(), record.partition()));
                }
                handled.add(record.offset());
            }
            if (millis > 0) {
                Thread.sleep(millis);
            }
        }
    }

    static final class OfRecords extends Listener {

        OfRecords(String id, Kind kind, int millis) {
            super(id, kind, millis);
        }

        @BackpressuredListener(id = "#{__listener.id}", topics = "#{__listener.id}")
        void on(ConsumerRecord<String, String> record) throws InterruptedException {
            handle(List.of(record));
        }
    }

    static final class OfBatches extends Listener {

        OfBatches(String id, Kind kind, int millis) {
            super(id, kind, millis);
        }

        @BackpressuredListener(id = "#{__listener.id}", topics = "#{__listener.id}", batch = "true", batchSize = "7")
        void on(List<ConsumerRecord<String, String>> records) throws InterruptedException {
            handle(records);
        }
    }

    @ParameterizedTest
    @EnumSource
    void whatIsBelowTheTargetIsHandledAndTheRestComesAgain(Kind kind) throws Exception {
        int run = RUNS.incrementAndGet();
        List<Listener> listeners = new ArrayList<>();
        List<String> properties = new ArrayList<>(List.of(
                "spring.kafka.consumer.properties.interceptor.classes=" + Polled.class.getName(),
                "kafka.backpressure.listener.commit-interval=50ms",
                "kafka.backpressure.listener.max-in-flight=120"));
        for (String ordering : List.of("partition", "key", "unordered")) {
            for (int millis : new int[] {0, 1}) {
                listeners.add(new OfRecords("seeking-" + run + "-records-" + ordering + "-" + millis, kind, millis));
                listeners.add(new OfBatches("seeking-" + run + "-batches-" + ordering + "-" + millis, kind, millis));
            }
            listeners.stream()
                    .filter(listener -> listener.id.contains("-" + ordering + "-"))
                    .forEach(listener ->
                            properties.add("kafka.backpressure.listeners." + listener.id + ".ordering=" + ordering));
        }
        createTopics(listeners.stream().map(Listener::getId).toList());
        for (Listener listener : listeners) {
            for (int offset = 0; offset < RECORDS; offset++) {
                send(listener.id, offset);
            }
        }
        producer.flush();
        try (ConfigurableApplicationContext context = TestApp.start(
                brokers,
                beans -> listeners.forEach(listener -> {
                    if (listener instanceof OfRecords records) {
                        beans.registerBean(listener.id, OfRecords.class, () -> records);
                    } else {
                        beans.registerBean(listener.id, OfBatches.class, () -> (OfBatches) listener);
                    }
                }),
                List.of(),
                properties.toArray(String[]::new))) {
            int records = kind == Kind.TO_THE_END ? moreUntilPolled(listeners) : RECORDS;
            await().atMost(Duration.ofSeconds(30))
                    .untilAsserted(() -> assertThat(listeners)
                            .allSatisfy(listener -> assertThat(committed(listener.id))
                                    .as(listener.id)
                                    .isEqualTo(records)));
            for (Listener listener : listeners) {
                List<Long> handled = listener.handled;
                assertThat(Set.copyOf(handled))
                        .as(listener.id)
                        .containsAll(Polled.OFFSETS.get(listener.id))
                        .contains(SEEKING);
                if (!kind.mayPassRecordsOver()) {
                    assertThat(handled)
                            .as(listener.id)
                            .containsAll(LongStream.range(0, RECORDS).boxed().toList());
                }
                if (kind.goesBackByFive()) {
                    assertThat(handled).as(listener.id).hasSizeLessThanOrEqualTo(RECORDS + 5);
                }
                assertThat(((BackpressuredMessageListenerContainer<?, ?>)
                                        context.getBean(KafkaListenerEndpointRegistry.class)
                                                .getListenerContainer(listener.id))
                                .getInFlight())
                        .as(listener.id)
                        .isZero();
            }
        }
    }

    /** Sends records until each listener has polled the newest; says how many there are then on each topic. */
    private static int moreUntilPolled(List<Listener> listeners) {
        await().until(() -> listeners.stream().allMatch(listener -> listener.handled.contains(SEEKING)));
        AtomicInteger sent = new AtomicInteger(RECORDS);
        await().pollInterval(Duration.ofMillis(300)).until(() -> {
            boolean polled = sent.get() > RECORDS
                    && listeners.stream().allMatch(listener -> listener.handled.contains(sent.get() - 1L));
            if (!polled) {
                listeners.forEach(listener -> send(listener.id, sent.get()));
                producer.flush();
                sent.incrementAndGet();
            }
            return polled;
        });
        return sent.get();
    }

    private static void send(String topic, int offset) {
        producer.send(new ProducerRecord<>(topic, 0, FIRST_TIMESTAMP + offset, "k" + offset % 10, "v" + offset));
    }

    private static void createTopics(List<String> names) throws Exception {
        admin.createTopics(names.stream()
                        .map(name -> new NewTopic(name, 1, (short) 1))
                        .toList())
                .all()
                .get();
        // A partition without a leader refuses a first batch, and Kafka gets stuck if it accepts the second one.
        Map<TopicPartition, OffsetSpec> all = names.stream()
                .collect(Collectors.toMap(name -> new TopicPartition(name, 0), name -> OffsetSpec.latest()));
        await().ignoreExceptions()
                .until(() -> admin.listOffsets(all).all().get().size() == all.size());
    }

    private static long committed(String group) throws Exception {
        return admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().values().stream()
                .mapToLong(OffsetAndMetadata::offset)
                .sum();
    }
}
