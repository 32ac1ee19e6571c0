package io.github.kafkabackpressure.benchmarks.contender;

import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/**
 * The handler that every contender calls for each record, and what it measures.
 *
 * <p>Threading: {@code handle} is called by any number of threads at once, {@link #await()} by the main thread.
 */
public interface Probe {

    /** Handles a record of which the contender shows the value only. */
    void handle(String value);

    /** Handles a record. */
    default void handle(ConsumerRecord<String, String> record) {
        handle(record.value());
    }

    /** Handles a record, and once more if it fails, for contenders that leave that to their user. */
    default void handleUntilDone(ConsumerRecord<String, String> record) {
        try {
            handle(record);
        } catch (Work.HandlerFailedException ex) {
            handleUntilDone(record);
        }
    }

    /** Waits until all records are handled, or until time is up, and returns the figures by metric id. */
    Map<String, Double> await();

    /** The probe of a run whose contender is a consumer. */
    static Probe of(Run run) {
        return switch (run.probe()) {
            case THROUGHPUT -> new ThroughputProbe(run);
            case LATENCY -> new LatencyProbe(run.load());
            case RESUME -> new ResumeProbe(run.load());
            case KILLED -> new KilledProbe(run);
            case REPEATED -> new RepeatProbe(run);
            case MEMBER -> new MemberProbe(run);
            case SURVIVOR -> new SurvivorProbe(run);
            case START -> new StartProbe(run.load());
            case POLLING -> new PollingProbe(run.load());
            case SEND, SEND_FROZEN -> throw new IllegalArgumentException(run.contender() + " does not produce");
        };
    }
}
