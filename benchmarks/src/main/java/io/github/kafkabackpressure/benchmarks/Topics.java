package io.github.kafkabackpressure.benchmarks;

import io.github.kafkabackpressure.test.TestTopics;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;
import org.jspecify.annotations.Nullable;

/** The broker's topics: made, filled once for all contenders, and deleted. */
final class Topics implements AutoCloseable {

    private final String bootstrapServers;

    private final Admin admin;

    private final Map<TopicSpec, String> filled = new HashMap<>();

    private int created;

    Topics(String bootstrapServers) {
        this.bootstrapServers = bootstrapServers;
        this.admin = Admin.create(Map.of("bootstrap.servers", bootstrapServers));
    }

    /** A new, empty topic. */
    String create(int partitions) {
        String name = "benchmark-" + ++created;
        TestTopics.create(admin, Map.of(name, partitions));
        return name;
    }

    /** A topic that holds what is asked for: an earlier one if there is. */
    String filled(TopicSpec spec) throws Exception {
        String known = filled.get(spec);
        if (known != null) {
            return known;
        }
        String name = create(spec.partitions());
        fill(name, spec);
        filled.put(spec, name);
        return name;
    }

    /** Deletes the topics that were filled and are not needed any more, to give their page cache to the next. */
    void deleteFilledExcept(Set<TopicSpec> needed) throws Exception {
        Map<TopicSpec, String> done = new HashMap<>(filled);
        done.keySet().removeAll(needed);
        admin.deleteTopics(List.copyOf(done.values())).all().get(60, TimeUnit.SECONDS);
        filled.keySet().removeAll(done.keySet());
    }

    void delete(String name) throws Exception {
        admin.deleteTopics(List.of(name)).all().get(60, TimeUnit.SECONDS);
    }

    @Override
    public void close() {
        admin.close();
    }

    @SuppressWarnings("FutureReturnValueIgnored") // the callback is told of failures
    private void fill(String name, TopicSpec spec) throws Exception {
        Keys keys = new Keys(spec.keys(), spec.distribution());
        Integer partition = spec.distribution() == TopicSpec.Distribution.ONE_PARTITION ? 0 : null;
        Values values = new Values(spec);
        AtomicReference<@Nullable Exception> failure = new AtomicReference<>();
        Callback callback = (metadata, exception) -> {
            if (exception != null) {
                failure.compareAndSet(null, exception);
            }
        };
        try (KafkaProducer<String, String> producer = producer(spec.compression())) {
            for (long i = 0; i < spec.records(); i++) {
                producer.send(new ProducerRecord<>(name, partition, keys.next(), values.next()), callback);
            }
        }
        Exception first = failure.get();
        if (first != null) {
            throw first;
        }
    }

    private KafkaProducer<String, String> producer(String compression) {
        Map<String, Object> properties = Map.of(
                ProducerConfig.BOOTSTRAP_SERVERS_CONFIG,
                bootstrapServers,
                ProducerConfig.LINGER_MS_CONFIG,
                20,
                ProducerConfig.BATCH_SIZE_CONFIG,
                65_536,
                ProducerConfig.COMPRESSION_TYPE_CONFIG,
                compression);
        return new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer());
    }
}
