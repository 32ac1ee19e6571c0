package io.github.kafkabackpressure.benchmarks.contender;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.kafka.support.Acknowledgment;

/** spring-kafka's {@code @KafkaListener}, with Boot's defaults but for the number of consumers and, where asked for, commits. */
final class SpringListeners {

    private SpringListeners() {}

    static Probe record(Run run) {
        return SpringApplications.consume(run, RecordListener.class, settings(run));
    }

    static Probe payload(Run run) {
        return SpringApplications.consume(run, PayloadListener.class, settings(run));
    }

    static Probe batch(Run run) {
        return SpringApplications.consume(run, BatchListener.class, settings(run));
    }

    /** One consumer, and workers beside it that acknowledge in any order. */
    static Probe asynchronousAcks(Run run) {
        return SpringApplications.consume(
                run,
                AsynchronousListener.class,
                Map.of("spring.kafka.listener.ack-mode", "manual", "spring.kafka.listener.async-acks", "true"));
    }

    static Probe json(Run run) {
        return SpringApplications.consume(run, JsonListener.class, settings(run), JsonConversion.class);
    }

    private static Map<String, String> settings(Run run) {
        Map<String, String> settings = new HashMap<>();
        settings.put("spring.kafka.listener.concurrency", Integer.toString(run.consumers()));
        if (run.commitsEachSecond()) {
            settings.put("spring.kafka.listener.ack-mode", "time");
            settings.put("spring.kafka.listener.ack-time", "1s");
        }
        return settings;
    }

    static class RecordListener {

        private final Probe probe;

        RecordListener(Probe probe) {
            this.probe = probe;
        }

        @KafkaListener(id = "benchmark", idIsGroup = false, topics = "${benchmark.topic}")
        void handle(ConsumerRecord<String, String> record) {
            probe.handle(record);
        }
    }

    static class PayloadListener {

        private final Probe probe;

        PayloadListener(Probe probe) {
            this.probe = probe;
        }

        @KafkaListener(id = "benchmark", idIsGroup = false, topics = "${benchmark.topic}")
        void handle(String payload) {
            probe.handle(payload);
        }
    }

    static class JsonListener {

        private final Probe probe;

        JsonListener(Probe probe) {
            this.probe = probe;
        }

        @KafkaListener(id = "benchmark", idIsGroup = false, topics = "${benchmark.topic}")
        void handle(JsonConversion.Order order) {
            probe.handle(order.note());
        }
    }

    static class BatchListener {

        private final Probe probe;

        BatchListener(Probe probe) {
            this.probe = probe;
        }

        @KafkaListener(id = "benchmark", idIsGroup = false, topics = "${benchmark.topic}", batch = "true")
        void handle(List<ConsumerRecord<String, String>> records) {
            records.forEach(probe::handle);
        }
    }

    static class AsynchronousListener {

        private final Probe probe;

        private final ExecutorService workers;

        AsynchronousListener(Probe probe, Run run) {
            this.probe = probe;
            this.workers = Workers.of(run.load());
        }

        @KafkaListener(id = "benchmark", idIsGroup = false, topics = "${benchmark.topic}")
        void handle(ConsumerRecord<String, String> record, Acknowledgment acknowledgment) {
            workers.execute(() -> {
                probe.handle(record);
                acknowledgment.acknowledge();
            });
        }
    }
}
