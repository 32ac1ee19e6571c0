package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.test.TestApp;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.serialization.Deserializer;
import org.junit.jupiter.api.Test;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;

/** Never two records of one key at once, whatever a key is. */
@EmbeddedKafka(partitions = 1)
class KeysIT {

    private static final int KEYS = 4;

    private final EmbeddedKafkaBroker broker;

    KeysIT(EmbeddedKafkaBroker broker) {
        this.broker = broker;
    }

    /** Counts records of one key that are handled at once. */
    abstract static class Watch {

        final AtomicInteger handled = new AtomicInteger();

        final AtomicInteger together = new AtomicInteger();

        final AtomicInteger others = new AtomicInteger();

        private final Map<String, AtomicInteger> running = new ConcurrentHashMap<>();

        private final AtomicInteger runningOfAll = new AtomicInteger();

        void watch(ConsumerRecord<?, String> record) throws InterruptedException {
            AtomicInteger ofKey = running.computeIfAbsent(record.value(), key -> new AtomicInteger());
            if (ofKey.incrementAndGet() > 1) {
                together.incrementAndGet();
            }
            if (runningOfAll.incrementAndGet() > 1) {
                others.incrementAndGet();
            }
            Thread.sleep(2);
            runningOfAll.decrementAndGet();
            ofKey.decrementAndGet();
            handled.incrementAndGet();
        }
    }

    /** A record goes by the identity of its arrays. */
    record Key(byte[] id) {}

    public static final class KeyDeserializer implements Deserializer<Key> {

        @Override
        public Key deserialize(String topic, byte[] data) {
            return new Key(data);
        }
    }

    static class OfRecords extends Watch {

        @BackpressuredListener(
                id = "record-keys",
                topics = "record-keys",
                ordering = Ordering.KEY,
                maxInFlight = "500",
                properties = "key.deserializer=io.github.kafkabackpressure.listener.KeysIT$KeyDeserializer")
        void handle(ConsumerRecord<Key, String> record) throws InterruptedException {
            watch(record);
        }
    }

    /** A key that its handler changes. */
    static final class Changing {

        private String id;

        Changing(String id) {
            this.id = id;
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Changing that && that.id.equals(id);
        }

        @Override
        public int hashCode() {
            return Objects.hashCode(id);
        }
    }

    public static final class ChangingDeserializer implements Deserializer<Changing> {

        @Override
        public Changing deserialize(String topic, byte[] data) {
            return new Changing(new String(data, StandardCharsets.UTF_8));
        }
    }

    static class OfChanging extends Watch {

        @BackpressuredListener(
                id = "changing-keys",
                topics = "changing-keys",
                ordering = Ordering.KEY,
                maxInFlight = "500",
                properties = "key.deserializer=io.github.kafkabackpressure.listener.KeysIT$ChangingDeserializer")
        void handle(ConsumerRecord<Changing, String> record) throws InterruptedException {
            record.key().id = "changed at " + record.offset();
            watch(record);
        }
    }

    static final class Unhashable {

        @Override
        public boolean equals(Object other) {
            throw new UnsupportedOperationException("equals");
        }

        @Override
        public int hashCode() {
            throw new UnsupportedOperationException("hashCode");
        }
    }

    public static final class UnhashableDeserializer implements Deserializer<Unhashable> {

        @Override
        public Unhashable deserialize(String topic, byte[] data) {
            return new Unhashable();
        }
    }

    static class OfUnhashable extends Watch {

        @BackpressuredListener(
                id = "unhashable-keys",
                topics = "unhashable-keys",
                ordering = Ordering.KEY,
                maxInFlight = "500",
                properties = "key.deserializer=io.github.kafkabackpressure.listener.KeysIT$UnhashableDeserializer")
        void handle(ConsumerRecord<Unhashable, String> record) throws InterruptedException {
            watch(record);
        }
    }

    /** Equal to none but itself, and so is what it holds. */
    static final class Own {

        private final String id;

        private final Object nested = new Object();

        Own(String id) {
            this.id = id;
        }

        @Override
        public String toString() {
            return id + nested;
        }
    }

    public static final class OwnDeserializer implements Deserializer<Own> {

        @Override
        public Own deserialize(String topic, byte[] data) {
            return new Own(new String(data, StandardCharsets.UTF_8));
        }
    }

    static class OfOwn extends Watch {

        @BackpressuredListener(
                id = "own-keys",
                topics = "own-keys",
                ordering = Ordering.KEY,
                maxInFlight = "500",
                properties = "key.deserializer=io.github.kafkabackpressure.listener.KeysIT$OwnDeserializer")
        void handle(ConsumerRecord<Own, String> record) throws InterruptedException {
            watch(record);
        }
    }

    /** Has equals and hashCode, which ask a part that has neither, and which its handler changes. */
    static final class Nested {

        private final String id;

        private Own part;

        Nested(String id) {
            this.id = id;
            this.part = new Own(id);
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Nested that && that.id.equals(id) && that.part.equals(part);
        }

        @Override
        public int hashCode() {
            return Objects.hash(id, part);
        }
    }

    public static final class NestedDeserializer implements Deserializer<Nested> {

        @Override
        public Nested deserialize(String topic, byte[] data) {
            return new Nested(new String(data, StandardCharsets.UTF_8));
        }
    }

    static class OfNested extends Watch {

        @BackpressuredListener(
                id = "nested-keys",
                topics = "nested-keys",
                ordering = Ordering.KEY,
                maxInFlight = "500",
                properties = "key.deserializer=io.github.kafkabackpressure.listener.KeysIT$NestedDeserializer")
        void handle(ConsumerRecord<Nested, String> record) throws InterruptedException {
            record.key().part = new Own("changed at " + record.offset());
            watch(record);
        }
    }

    private <W extends Watch> W handle(String topic, Class<W> listener) {
        try (ConfigurableApplicationContext context = TestApp.start(broker.getBrokersAsString(), List.of(listener))) {
            @SuppressWarnings("unchecked")
            KafkaTemplate<String, String> template = context.getBean(KafkaTemplate.class);
            for (int i = 0; i < 300; i++) {
                String key = "key " + i % KEYS;
                template.send(topic, key, key);
            }
            W watch = context.getBean(listener);
            await().until(() -> watch.handled.get() == 300);
            assertThat(watch.together).hasValue(0);
            return watch;
        }
    }

    @Test
    void keysThatHoldAnArrayAreToldApartByItsContent() {
        assertThat(handle("record-keys", OfRecords.class).others.get()).isPositive();
    }

    @Test
    void aHandlerMayChangeTheKey() {
        assertThat(handle("changing-keys", OfChanging.class).others.get()).isPositive();
    }

    @Test
    void keysThatCannotBeHashedAreHandledOneAfterTheOther() {
        assertThat(handle("unhashable-keys", OfUnhashable.class).others).hasValue(0);
    }

    @Test
    void keysThatAreEqualToNoneButThemselvesAreHandledOneAfterTheOther() {
        assertThat(handle("own-keys", OfOwn.class).others).hasValue(0);
    }

    @Test
    void keysWithAPartThatCannotBeComparedAreToldApartByTheirOtherParts() {
        assertThat(handle("nested-keys", OfNested.class).others.get()).isPositive();
    }
}
