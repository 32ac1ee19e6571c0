package io.github.kafkabackpressure.parity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.listener.BackpressuredMessageListenerContainer;
import io.github.kafkabackpressure.test.TestApp;
import java.lang.reflect.Array;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.annotation.KafkaListenerAnnotationBeanPostProcessor.AnnotationEnhancer;
import org.springframework.kafka.config.KafkaListenerEndpointRegistry;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.listener.ConcurrentMessageListenerContainer;
import org.springframework.kafka.test.EmbeddedKafkaBroker;

/**
 * The same application twice: once its listeners are what {@code @KafkaListener} makes of them, once what
 * {@link BackpressuredListener} does. Topics and groups have the name of the run before them.
 */
final class ParityApps implements AutoCloseable {

    /** Which annotation the listeners have. */
    enum Run {
        KAFKA_LISTENER,
        BACKPRESSURED_LISTENER;

        String name(String topic) {
            return (this == KAFKA_LISTENER ? "k." : "b.") + topic;
        }
    }

    /** What the listeners of one application saw. */
    static final class Seen {

        private final Map<String, List<String>> byName = new ConcurrentHashMap<>();

        void add(String name, Object what) {
            byName.computeIfAbsent(name, key -> new CopyOnWriteArrayList<>()).add(String.valueOf(what));
        }

        List<String> of(String name) {
            return byName.getOrDefault(name, List.of());
        }
    }

    /** What every application of these tests has. */
    @Configuration(proxyBeanMethods = false)
    static class Base {

        @Bean
        Seen seen() {
            return new Seen();
        }

        /** Gives a listener that does not say otherwise the topic and the group of its id. */
        @Bean
        static AnnotationEnhancer named(@Value("${run}") String run) {
            return (attributes, element) -> {
                String name = run + "." + attributes.get("id");
                if ("".equals(attributes.get("groupId")) && (boolean) attributes.get("idIsGroup")) {
                    attributes.put("groupId", name);
                }
                if (Stream.of("topics", "topicPartitions").allMatch(key -> Array.getLength(attributes.get(key)) == 0)
                        && "".equals(attributes.get("topicPattern"))) {
                    attributes.put("topics", new String[] {name});
                }
                return attributes;
            };
        }
    }

    /**
     * Turns every listener into one of spring-kafka's own container factory: with that attribute,
     * {@link BackpressuredListener} is to spring-kafka the same as its own annotation with the same attributes.
     */
    @Configuration(proxyBeanMethods = false)
    static class AsKafkaListeners {

        @Bean
        static AnnotationEnhancer asKafkaListeners() {
            return (attributes, element) -> {
                if (BackpressuredListener.CONTAINER_FACTORY.equals(attributes.get("containerFactory"))) {
                    attributes.put("containerFactory", ""); // as who names none
                }
                return attributes;
            };
        }
    }

    private final EmbeddedKafkaBroker broker;

    private final List<Class<?>> classes;

    private final String[] properties;

    private final Map<Run, ConfigurableApplicationContext> contexts = new EnumMap<>(Run.class);

    ParityApps(EmbeddedKafkaBroker broker, List<Class<?>> classes, String... properties) {
        this.broker = broker;
        this.classes = classes;
        this.properties = properties;
        for (Run run : Run.values()) {
            contexts.put(run, startAnother(run));
        }
    }

    /** Starts a run's application once more, with properties of its own: another member of its groups. */
    ConfigurableApplicationContext startAnother(Run run, String... more) {
        List<Class<?>> all = new ArrayList<>(classes);
        all.add(Base.class);
        List<String> props = new ArrayList<>(Arrays.asList(properties));
        if (run == Run.KAFKA_LISTENER) {
            all.add(AsKafkaListeners.class);
            // By its defaults it waits for seconds where the other does not: a paused poll's end, a fetch after a seek.
            props.add("spring.kafka.listener.poll-timeout=200ms");
            props.add("spring.kafka.consumer.fetch-max-wait=100ms");
        }
        props.add("run=" + run.name("").replace(".", ""));
        props.add("spring.application.name=parity");
        props.addAll(Arrays.asList(more));
        return TestApp.start(broker.getBrokersAsString(), all, props.toArray(String[]::new));
    }

    /** The listener of an id, which is also the name of its topic and of what it sees. */
    Listening of(Run run, String id) {
        return new Listening(run, id);
    }

    /** One listener of one run: what is sent to it, and what must come of that. */
    final class Listening {

        private final Run run;

        private final String id;

        private Listening(Run run, String id) {
            this.run = run;
            this.id = id;
        }

        /** Sends values without a key to partition 0, in order. */
        Listening sends(Object... values) {
            send(run, id, values);
            return this;
        }

        /** Waits for as many things as are given, and checks that it has seen exactly these, in order. */
        Listening sees(String... things) {
            assertThat(awaitSeen(run, id, things.length)).containsExactly(things);
            return this;
        }

        /** As {@link #sees}, in any order. */
        Listening seesInAnyOrder(String... things) {
            assertThat(awaitSeen(run, id, things.length)).containsExactlyInAnyOrder(things);
            return this;
        }

        /** Waits until it has committed an offset in partition 0, and nothing is in flight. */
        Listening commits(long offset) {
            awaitCommitted(run, id, id, offset);
            return this;
        }

        /** Waits until its container and all its consumers have stopped by themselves. */
        Listening stops() {
            await().until(() ->
                    !container(run, id).isRunning() && !container(run, id).isChildRunning());
            return this;
        }
    }

    String brokers() {
        return broker.getBrokersAsString();
    }

    ConfigurableApplicationContext context(Run run) {
        return contexts.get(run);
    }

    <T> T bean(Run run, Class<T> type) {
        return context(run).getBean(type);
    }

    List<String> seen(Run run, String name) {
        return bean(run, Seen.class).of(name);
    }

    /** Waits until a listener has seen so many things, and says what they are. */
    List<String> awaitSeen(Run run, String name, int count) {
        await().atMost(Duration.ofSeconds(20))
                .pollInterval(Duration.ofMillis(20))
                .untilAsserted(() -> assertThat(seen(run, name)).hasSizeGreaterThanOrEqualTo(count));
        return seen(run, name);
    }

    /** Sends values without a key to partition 0 of a topic, in order. */
    void send(Run run, String topic, Object... values) {
        for (Object value : values) {
            sendKeyed(run, topic, null, value);
        }
    }

    void sendKeyed(Run run, String topic, String key, Object value) {
        try {
            KafkaTemplate<Object, Object> template = template(run);
            var sent = template.isTransactional()
                    ? template.executeInTransaction(within -> within.send(run.name(topic), 0, key, value))
                    : template.send(run.name(topic), 0, key, value);
            sent.get(10, TimeUnit.SECONDS);
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    @SuppressWarnings("unchecked")
    KafkaTemplate<Object, Object> template(Run run) {
        return (KafkaTemplate<Object, Object>) context(run).getBean("kafkaTemplate");
    }

    KafkaListenerEndpointRegistry registry(Run run) {
        return bean(run, KafkaListenerEndpointRegistry.class);
    }

    ConcurrentMessageListenerContainer<?, ?> container(Run run, String id) {
        return (ConcurrentMessageListenerContainer<?, ?>) registry(run).getListenerContainer(id);
    }

    /** Waits until the group of a listener has committed an offset in partition 0, and nothing is in flight. */
    void awaitCommitted(Run run, String id, String topic, long offset) {
        await().atMost(Duration.ofSeconds(20))
                .pollInterval(Duration.ofMillis(50))
                .untilAsserted(() ->
                        assertThat(committed(run.name(id), run.name(topic))).isEqualTo(offset));
        if (container(run, id) instanceof BackpressuredMessageListenerContainer<?, ?> own) {
            await().until(() -> own.getInFlight() == 0);
        }
    }

    /** What a group has committed in partition 0; -1 if nothing. */
    long committed(String group, String topic) {
        return committed(group, topic, 0);
    }

    /** What a group has committed in a partition; -1 if nothing. */
    long committed(String group, String topic, int partition) {
        try (var admin = Admin.create(Map.of("bootstrap.servers", brokers()))) {
            OffsetAndMetadata offset = admin.listConsumerGroupOffsets(group)
                    .partitionsToOffsetAndMetadata()
                    .get(10, TimeUnit.SECONDS)
                    .get(new TopicPartition(topic, partition));
            return offset == null ? -1 : offset.offset();
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    static Object[] values(String prefix, int count) {
        return IntStream.range(0, count).mapToObj(i -> prefix + i).toArray();
    }

    @Override
    public void close() {
        contexts.values().forEach(ConfigurableApplicationContext::close);
    }
}
