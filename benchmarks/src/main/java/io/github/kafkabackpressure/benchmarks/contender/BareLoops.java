package io.github.kafkabackpressure.benchmarks.contender;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.function.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;

/**
 * Kafka's consumer in a plain loop, committed by the client every five seconds: what the broker and the client can
 * give.
 *
 * <p>With workers beside it, it is the ceiling for concurrent handling. It keeps no order and commits what is not yet
 * handled, so it is no way to run an application.
 */
final class BareLoops {

    private BareLoops() {}

    static Probe serial(Run run) {
        Probe probe = Probe.of(run);
        start(run, probe::handle);
        return probe;
    }

    /** As many records a poll as {@code @BackpressuredListener} asks for in partition order with its defaults. */
    static Probe smallPolls(Run run) {
        Probe probe = Probe.of(run);
        start(run, Map.of(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, 62), probe::handle);
        return probe;
    }

    static Probe platformThreads(Run run) {
        return concurrent(run, Executors.newFixedThreadPool(run.load().concurrency()));
    }

    static Probe virtualThreads(Run run) {
        return concurrent(run, Workers.virtual());
    }

    private static Probe concurrent(Run run, ExecutorService workers) {
        Probe probe = Probe.of(run);
        Semaphore permits = new Semaphore(run.load().concurrency());
        start(run, record -> {
            permits.acquireUninterruptibly();
            workers.execute(() -> {
                try {
                    probe.handle(record);
                } finally {
                    permits.release();
                }
            });
        });
        return probe;
    }

    private static void start(Run run, Consumer<ConsumerRecord<String, String>> handler) {
        start(run, Map.of(), handler);
    }

    private static void start(Run run, Map<String, Object> settings, Consumer<ConsumerRecord<String, String>> handler) {
        Map<String, Object> properties = run.consumerProperties();
        properties.putAll(settings);
        Workers.daemon("bare-loop", () -> {
            try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(properties)) {
                consumer.subscribe(List.of(run.topic()));
                while (!Thread.currentThread().isInterrupted()) {
                    for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(100))) {
                        handler.accept(record);
                    }
                }
            }
        });
    }
}
