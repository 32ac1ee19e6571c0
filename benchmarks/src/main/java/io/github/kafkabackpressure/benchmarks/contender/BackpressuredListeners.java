package io.github.kafkabackpressure.benchmarks.contender;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.benchmarks.contender.Load.Meters;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/** This project's {@code @BackpressuredListener}, with the defaults but for the limits of the load. */
final class BackpressuredListeners {

    private BackpressuredListeners() {}

    static Probe partition(Run run) {
        return start(run, PartitionListener.class);
    }

    static Probe key(Run run) {
        return start(run, KeyListener.class);
    }

    static Probe keyPayload(Run run) {
        return start(run, KeyPayloadListener.class);
    }

    static Probe partitionPayload(Run run) {
        return start(run, PartitionPayloadListener.class);
    }

    static Probe keyJson(Run run) {
        return start(run, KeyJsonListener.class, JsonConversion.class);
    }

    static Probe unordered(Run run) {
        return start(run, UnorderedListener.class);
    }

    private static Probe start(Run run, Class<?> listener, Class<?>... configurations) {
        Meters meters = run.load().meters();
        Map<String, String> settings = new HashMap<>(run.load().settings());
        settings.put("max-in-flight", Integer.toString(run.load().maxInFlight()));
        settings.put("max-concurrency", Integer.toString(run.load().concurrency()));
        Map<String, String> properties = new HashMap<>();
        settings.forEach((key, value) -> properties.put("kafka.backpressure.listeners.benchmark." + key, value));
        properties.put("kafka.backpressure.metrics.partitions", Boolean.toString(meters != Meters.NONE));
        properties.put("kafka.backpressure.metrics.histograms", Boolean.toString(meters == Meters.HISTOGRAMS));
        return SpringApplications.consume(run, listener, properties, configurations);
    }

    static class PartitionListener {

        private final Probe probe;

        PartitionListener(Probe probe) {
            this.probe = probe;
        }

        @BackpressuredListener(
                id = "benchmark",
                idIsGroup = false,
                topics = "${benchmark.topic}",
                ordering = Ordering.PARTITION)
        void handle(ConsumerRecord<String, String> record) {
            probe.handle(record);
        }
    }

    static class KeyListener {

        private final Probe probe;

        KeyListener(Probe probe) {
            this.probe = probe;
        }

        @BackpressuredListener(
                id = "benchmark",
                idIsGroup = false,
                topics = "${benchmark.topic}",
                ordering = Ordering.KEY)
        void handle(ConsumerRecord<String, String> record) {
            probe.handle(record);
        }
    }

    static class KeyPayloadListener {

        private final Probe probe;

        KeyPayloadListener(Probe probe) {
            this.probe = probe;
        }

        @BackpressuredListener(
                id = "benchmark",
                idIsGroup = false,
                topics = "${benchmark.topic}",
                ordering = Ordering.KEY)
        void handle(String payload) {
            probe.handle(payload);
        }
    }

    static class PartitionPayloadListener {

        private final Probe probe;

        PartitionPayloadListener(Probe probe) {
            this.probe = probe;
        }

        @BackpressuredListener(
                id = "benchmark",
                idIsGroup = false,
                topics = "${benchmark.topic}",
                ordering = Ordering.PARTITION)
        void handle(String payload) {
            probe.handle(payload);
        }
    }

    static class KeyJsonListener {

        private final Probe probe;

        KeyJsonListener(Probe probe) {
            this.probe = probe;
        }

        @BackpressuredListener(
                id = "benchmark",
                idIsGroup = false,
                topics = "${benchmark.topic}",
                ordering = Ordering.KEY)
        void handle(JsonConversion.Order order) {
            probe.handle(order.note());
        }
    }

    static class UnorderedListener {

        private final Probe probe;

        UnorderedListener(Probe probe) {
            this.probe = probe;
        }

        @BackpressuredListener(
                id = "benchmark",
                idIsGroup = false,
                topics = "${benchmark.topic}",
                ordering = Ordering.UNORDERED)
        void handle(ConsumerRecord<String, String> record) {
            probe.handle(record);
        }
    }
}
