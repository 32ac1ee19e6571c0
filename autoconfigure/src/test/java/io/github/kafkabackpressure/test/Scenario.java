package io.github.kafkabackpressure.test;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.listener.BackpressuredKafkaListenerContainerFactory;
import io.github.kafkabackpressure.listener.BackpressuredMessageListenerContainer;
import io.github.kafkabackpressure.listener.ListenerMetrics;
import io.github.kafkabackpressure.listener.ListenerSnapshot;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.MemberDescription;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringSerializer;
import org.springframework.beans.factory.config.BeanPostProcessor;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.support.GenericApplicationContext;
import org.springframework.kafka.config.KafkaListenerEndpointRegistry;
import org.springframework.kafka.listener.AbstractConsumerSeekAware;

/**
 * A small application with one back-pressured listener, and all that a test counts of it. The listener's id is the name
 * of its group and, unless others are given, of its topic.
 *
 * <p>What is in flight is counted here and not taken from the container: records polled, as Kafka's own consumer tells
 * {@link PolledRecords}, less the records whose handler has returned.
 *
 * <p>Threading: the test's thread, but for the counters and the handler.
 */
public final class Scenario implements AutoCloseable {

    /** What the listener does with a record. */
    public interface Handler {

        /** Handles a record. */
        void handle(ConsumerRecord<String, String> record) throws Exception;
    }

    private static final AtomicInteger INSTANCES = new AtomicInteger();

    private static final long ADMIN_SECONDS = 20;

    private final String id;

    private final String brokers;

    private final List<String> topics;

    private final Handler handler;

    private final AtomicLong polled = new AtomicLong();

    private final AtomicLong finished = new AtomicLong();

    private final AtomicLong peakInFlight = new AtomicLong();

    private final AtomicInteger running = new AtomicInteger();

    private final AtomicInteger peakRunning = new AtomicInteger();

    private final Queue<ConsumerRecord<String, String>> handled = new ConcurrentLinkedQueue<>();

    private final AtomicInteger handledCount = new AtomicInteger();

    private final Admin admin;

    private final KafkaProducer<String, String> producer;

    private ConfigurableApplicationContext context;

    private Scenario(Builder builder) {
        this.id = builder.id;
        this.brokers = builder.brokers;
        this.topics = List.copyOf(builder.topics.keySet());
        this.handler = builder.handler;
        this.admin = Admin.create(Map.of("bootstrap.servers", brokers));
        this.producer = new KafkaProducer<>(
                Map.of(
                        "bootstrap.servers",
                        brokers,
                        ProducerConfig.LINGER_MS_CONFIG,
                        1,
                        ProducerConfig.MAX_BLOCK_MS_CONFIG,
                        10_000),
                new StringSerializer(),
                new StringSerializer());
    }

    /** Waits for a latch whatever interrupts it, as a handler that hangs in a driver does. */
    public static void hang(CountDownLatch latch) {
        boolean interrupted = false;
        while (true) {
            try {
                latch.await();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** A scenario to be set up. */
    public static Builder of(String brokers, String id) {
        return new Builder(brokers, id);
    }

    /** Collects what a scenario needs. */
    public static final class Builder {

        private final String brokers;

        private final String id;

        private final Map<String, Integer> topics = new LinkedHashMap<>();

        private final List<String> properties = new ArrayList<>();

        private final List<Class<?>> classes = new ArrayList<>();

        private Consumer<GenericApplicationContext> beans = context -> {};

        private ListenerMetrics metrics = ListenerMetrics.NOOP;

        private Handler handler = record -> {};

        private Builder(String brokers, String id) {
            this.brokers = brokers;
            this.id = id;
        }

        /** Adds a topic, which is created unless it exists. */
        public Builder topic(String name, int partitions) {
            topics.put(name, partitions);
            return this;
        }

        /** The number of partitions of the topic that is named like the listener. */
        public Builder partitions(int partitions) {
            return topic(id, partitions);
        }

        /** Adds a {@code key=value} of {@code kafka.backpressure.listener}. */
        public Builder listener(String... settings) {
            for (String setting : settings) {
                properties.add("kafka.backpressure.listener." + setting);
            }
            return this;
        }

        /** Adds a {@code key=value} of Kafka's consumer. */
        public Builder consumer(String... settings) {
            for (String setting : settings) {
                properties.add("spring.kafka.consumer.properties." + setting);
            }
            return this;
        }

        /** Adds any other {@code key=value}. */
        public Builder property(String... settings) {
            properties.addAll(List.of(settings));
            return this;
        }

        /** Adds a class of configuration. */
        public Builder with(Class<?> type) {
            classes.add(type);
            return this;
        }

        /** Registers beans before the application starts. */
        public Builder beans(Consumer<GenericApplicationContext> registration) {
            beans = beans.andThen(registration);
            return this;
        }

        /** Measures the listener by this. */
        public Builder metrics(ListenerMetrics listenerMetrics) {
            metrics = listenerMetrics;
            return this;
        }

        /** What the listener does with a record; nothing unless it is set. */
        public Builder handler(Handler recordHandler) {
            handler = recordHandler;
            return this;
        }

        /** Creates the topics and starts the application. */
        public Scenario start() {
            Scenario scenario = prepare();
            scenario.startApplication(this);
            return scenario;
        }

        /** Creates no topic; the test does, as it wants them. */
        public Scenario prepareWithoutTopics() {
            if (topics.isEmpty()) {
                partitions(1);
            }
            return new Scenario(this);
        }

        /** Creates the topics, so that records can be sent; {@link Scenario#startApplication} does the rest. */
        public Scenario prepare() {
            Scenario scenario = prepareWithoutTopics();
            TestTopics.create(scenario.admin, topics);
            return scenario;
        }
    }

    /** The listener of the scenario's application. */
    static final class Listener extends AbstractConsumerSeekAware {

        private final Scenario scenario;

        Listener(Scenario scenario) {
            this.scenario = scenario;
        }

        @BackpressuredListener(id = "${scenario.id}", topics = "#{'${scenario.topics}'.split(',')}")
        void on(ConsumerRecord<String, String> record) throws Exception {
            scenario.handle(record);
        }

        void seek(TopicPartition partition, long offset) {
            getSeekCallbacksFor(partition)
                    .forEach(callback -> callback.seek(partition.topic(), partition.partition(), offset));
        }
    }

    /** Asks for a seek in a partition of the first topic; done before the consumer's next poll. */
    public void seek(int partition, long offset) {
        context.getBean(Listener.class).seek(new TopicPartition(topics.get(0), partition), offset);
    }

    /** Starts the application of a scenario that was only prepared. */
    public void startApplication(Builder builder) {
        String counter = id + "-" + INSTANCES.incrementAndGet();
        PolledRecords.COUNTERS.put(counter, count -> {
            polled.addAndGet(count);
            peakInFlight.accumulateAndGet(inFlight(), Math::max);
        });
        List<String> properties = new ArrayList<>(List.of(
                "scenario.id=" + id,
                "scenario.topics=" + String.join(",", topics),
                "kafka.backpressure.listener.drain-timeout=5s",
                "spring.kafka.consumer.properties.interceptor.classes=" + PolledRecords.class.getName(),
                "spring.kafka.consumer.properties." + PolledRecords.COUNTER + "=" + counter));
        properties.addAll(builder.properties);
        context = TestApp.start(
                brokers,
                beans -> {
                    beans.registerBean(Listener.class, () -> new Listener(this));
                    if (builder.metrics != ListenerMetrics.NOOP) {
                        beans.registerBean(
                                MeasuringPostProcessor.class, () -> new MeasuringPostProcessor(builder.metrics));
                    }
                    builder.beans.accept(beans);
                },
                builder.classes,
                properties.toArray(String[]::new));
    }

    /** Sets what measures the containers of a factory. */
    private record MeasuringPostProcessor(ListenerMetrics metrics) implements BeanPostProcessor {

        @Override
        public Object postProcessAfterInitialization(Object bean, String name) {
            if (bean instanceof BackpressuredKafkaListenerContainerFactory<?, ?> factory) {
                factory.setMetrics(container -> metrics);
            }
            return bean;
        }
    }

    private void handle(ConsumerRecord<String, String> record) throws Exception {
        peakRunning.accumulateAndGet(running.incrementAndGet(), Math::max);
        try {
            handler.handle(record);
            handled.add(record);
            handledCount.incrementAndGet();
        } finally {
            running.decrementAndGet();
            finished.incrementAndGet();
        }
    }

    /** Sends records with the values {@code 0} to {@code count - 1} round-robin to the partitions of all topics. */
    public void send(int count) {
        List<TopicPartition> partitions = new ArrayList<>();
        for (String topic : topics) {
            producer.partitionsFor(topic).forEach(p -> partitions.add(new TopicPartition(topic, p.partition())));
        }
        for (int i = 0; i < count; i++) {
            TopicPartition to = partitions.get(i % partitions.size());
            producer.send(new ProducerRecord<>(to.topic(), to.partition(), "k" + i % 10, String.valueOf(i)));
        }
        producer.flush();
    }

    /** Sends records with the values {@code 0} to {@code count - 1} to one partition of the first topic. */
    public void sendTo(int partition, int count) {
        for (int i = 0; i < count; i++) {
            send(partition, "k" + i % 10, String.valueOf(i));
        }
        producer.flush();
    }

    /** Sends one record to a partition of the first topic, some time; {@link #flush} waits for it. */
    public void send(int partition, String key, String value) {
        producer.send(new ProducerRecord<>(topics.get(0), partition, key, value));
    }

    /** Waits until all that was sent is on the broker. */
    public void flush() {
        producer.flush();
    }

    /** Waits until so many records have been handled; fails as soon as they stall. */
    public void awaitHandled(int count) {
        StallDetector.await("records handled by '" + id + "'", handledCount::get, count);
    }

    /** How many records the handler has returned for without an exception. */
    public int handledCount() {
        return handledCount.get();
    }

    /** The records that the handler has returned for without an exception, in that order. */
    public List<ConsumerRecord<String, String>> handled() {
        return List.copyOf(handled);
    }

    /** {@code topic-partition@offset} of the records that have been handled. */
    public List<String> handledPositions() {
        return handled.stream()
                .map(record -> record.topic() + "-" + record.partition() + "@" + record.offset())
                .toList();
    }

    /** Records that Kafka's consumer has handed out. */
    public long polled() {
        return polled.get();
    }

    /** Records polled and not finished, as counted by the test; meaningful unless partitions were revoked. */
    public long inFlight() {
        return polled.get() - finished.get();
    }

    /** The most records that were polled and not finished. */
    public long peakInFlight() {
        return peakInFlight.get();
    }

    /** Records in the handler now. */
    public int running() {
        return running.get();
    }

    /** The most records that were in the handler at the same moment. */
    public int peakRunning() {
        return peakRunning.get();
    }

    public ConfigurableApplicationContext context() {
        return context;
    }

    public BackpressuredMessageListenerContainer<?, ?> container() {
        return (BackpressuredMessageListenerContainer<?, ?>)
                context.getBean(KafkaListenerEndpointRegistry.class).getListenerContainer(id);
    }

    public ListenerSnapshot snapshot() {
        return container().snapshot();
    }

    /** The snapshot of one partition of the first topic; null if it is not assigned. */
    public ListenerSnapshot.Partition snapshot(int partition) {
        return snapshot().partitions().stream()
                .filter(p -> p.topic().equals(topics.get(0)) && p.partition() == partition)
                .findFirst()
                .orElse(null);
    }

    /** The offset that the group has committed for a partition of the first topic; -1 if there is none. */
    public long committed(int partition) {
        return committed(new TopicPartition(topics.get(0), partition));
    }

    /** The offset that the group has committed for a partition; -1 if there is none. */
    public long committed(TopicPartition partition) {
        OffsetAndMetadata offset = get(admin.listConsumerGroupOffsets(id).partitionsToOffsetAndMetadata())
                .get(partition);
        return offset == null ? -1 : offset.offset();
    }

    /** The sum of what the group has committed in all partitions. */
    public long committedSum() {
        return get(admin.listConsumerGroupOffsets(id).partitionsToOffsetAndMetadata()).values().stream()
                .mapToLong(OffsetAndMetadata::offset)
                .sum();
    }

    /** The ids of the group's members. */
    public List<String> members() {
        ConsumerGroupDescription group =
                get(admin.describeConsumerGroups(List.of(id)).describedGroups().get(id));
        return group.members().stream().map(MemberDescription::consumerId).toList();
    }

    /** The sum of one of Kafka's own consumer metrics, those of single topics and partitions left out. */
    public double metric(String group, String name) {
        return container().metrics().values().stream()
                .flatMap(metrics -> metrics.entrySet().stream())
                .filter(metric -> metric.getKey().group().equals(group)
                        && metric.getKey().name().equals(name)
                        && !metric.getKey().tags().containsKey("topic"))
                .mapToDouble(metric -> ((Number) metric.getValue().metricValue()).doubleValue())
                .sum();
    }

    /** How often the consumers have joined their group: as long as it stays, so does the generation. */
    public double rebalances() {
        return metric("consumer-coordinator-metrics", "rebalance-total");
    }

    public Admin admin() {
        return admin;
    }

    private static <T> T get(KafkaFuture<T> future) {
        try {
            return future.get(ADMIN_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException | ExecutionException | TimeoutException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Closes the application alone; counters and clients stay. */
    public void closeApplication() {
        if (context != null) {
            context.close();
        }
    }

    @Override
    public void close() {
        try {
            closeApplication();
        } finally {
            producer.close();
            admin.close();
        }
    }
}
