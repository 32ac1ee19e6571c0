package io.github.kafkabackpressure.benchmarks.contender;

import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.kafka.support.Acknowledgment;

/** spring-kafka's {@code @KafkaListener}, with Boot's defaults but for the number of consumers. */
final class SpringListeners {

    private SpringListeners() {}

    static Probe record(Run run) {
        return SpringApplications.consume(run, RecordListener.class, consumers(run.consumers()));
    }

    static Probe payload(Run run) {
        return SpringApplications.consume(run, PayloadListener.class, consumers(run.consumers()));
    }

    static Probe batch(Run run) {
        return SpringApplications.consume(run, BatchListener.class, consumers(run.consumers()));
    }

    /** One consumer, and workers beside it that acknowledge in any order. */
    static Probe asynchronousAcks(Run run) {
        return SpringApplications.consume(
                run,
                AsynchronousListener.class,
                Map.of("spring.kafka.listener.ack-mode", "manual", "spring.kafka.listener.async-acks", "true"));
    }

    private static Map<String, String> consumers(int number) {
        return Map.of("spring.kafka.listener.concurrency", Integer.toString(number));
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
