package io.github.kafkabackpressure.benchmarks.contender;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.function.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;

/**
 * Kafka's consumer in a plain loop, committed by the client every five seconds, or every second: what the broker and the
 * client can give.
 *
 * <p>With workers beside it, it is the ceiling for concurrent handling. It keeps no order and commits what is not yet
 * handled, so it is no way to run an application.
 */
final class BareLoops {

    private BareLoops() {}

    static Probe serial(Run run) {
        Probe probe = Probe.of(run);
        start(run, probe::handleUntilDone);
        return probe;
    }

    /** As many records a poll as {@code @BackpressuredListener} asks for in partition order with its defaults. */
    static Probe smallPolls(Run run) {
        Probe probe = Probe.of(run);
        start(run, Map.of(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, 62), probe::handleUntilDone);
        return probe;
    }

    /** No more polled than there are workers: one that is free waits until it is handed the next record. */
    static Probe platformThreads(Run run) {
        return concurrent(
                run,
                Executors.newFixedThreadPool(run.load().concurrency()),
                run.load().concurrency());
    }

    static Probe virtualThreads(Run run) {
        return concurrent(run, Workers.virtual(), run.load().concurrency());
    }

    /** With a queue as long as that of contenders that have a limit of records in flight. */
    static Probe platformThreadsWithQueue(Run run) {
        return concurrent(
                run,
                Executors.newFixedThreadPool(run.load().concurrency()),
                run.load().maxInFlight());
    }

    /** The same; the handlers at work are counted apart, since every record in flight has a thread. */
    static Probe virtualThreadsWithQueue(Run run) {
        Semaphore atWork = new Semaphore(run.load().concurrency());
        ExecutorService virtual = Workers.virtual();
        return concurrent(
                run,
                task -> virtual.execute(() -> {
                    atWork.acquireUninterruptibly();
                    try {
                        task.run();
                    } finally {
                        atWork.release();
                    }
                }),
                run.load().maxInFlight());
    }

    private static Probe concurrent(Run run, Executor workers, int inFlight) {
        Probe probe = Probe.of(run);
        Semaphore permits = new Semaphore(inFlight);
        start(run, record -> {
            permits.acquireUninterruptibly();
            workers.execute(() -> {
                try {
                    probe.handleUntilDone(record);
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
        if (run.commitsEachSecond()) {
            properties.put(ConsumerConfig.AUTO_COMMIT_INTERVAL_MS_CONFIG, 1000);
        }
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
