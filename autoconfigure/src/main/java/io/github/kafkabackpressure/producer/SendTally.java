package io.github.kafkabackpressure.producer;

import io.github.kafkabackpressure.SendOutcome;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;

/**
 * Counts how sends ended: in total by outcome, and by topic from the start of a shutdown on.
 *
 * <p>Threading: any thread.
 */
final class SendTally {

    private final LongAdder accepted = new LongAdder();
    private final Outcomes ended = new Outcomes();
    private final Map<String, Outcomes> endedByTopic = new ConcurrentHashMap<>();

    void accepted() {
        accepted.increment();
    }

    /** @param byTopic whether a shutdown wants to know of it */
    void ended(SendOutcome outcome, String topic, boolean byTopic) {
        ended.count(outcome);
        if (byTopic) {
            endedByTopic.computeIfAbsent(topic, name -> new Outcomes()).count(outcome);
        }
    }

    long acceptedTotal() {
        return accepted.sum();
    }

    long endedTotal(SendOutcome outcome) {
        return ended.sum(outcome);
    }

    /** Counts by topic from zero again. */
    void shutdownBegins() {
        endedByTopic.clear();
    }

    Map<String, ProducerFlushReport.Counts> byTopic() {
        Map<String, ProducerFlushReport.Counts> counts = new HashMap<>();
        endedByTopic.forEach((topic, outcomes) -> counts.put(topic, outcomes.counts()));
        return counts;
    }

    private static final class Outcomes {

        /** Complete from the start and never changed, so it may be read by any thread. */
        private final Map<SendOutcome, LongAdder> adders = new EnumMap<>(SendOutcome.class);

        Outcomes() {
            for (SendOutcome outcome : SendOutcome.values()) {
                adders.put(outcome, new LongAdder());
            }
        }

        void count(SendOutcome outcome) {
            adder(outcome).increment();
        }

        long sum(SendOutcome outcome) {
            return adder(outcome).sum();
        }

        ProducerFlushReport.Counts counts() {
            long spooled = sum(SendOutcome.SPOOLED);
            return new ProducerFlushReport.Counts(
                    sum(SendOutcome.DELIVERED),
                    sum(SendOutcome.FAILED),
                    sum(SendOutcome.NOT_DELIVERED) + spooled,
                    spooled);
        }

        private LongAdder adder(SendOutcome outcome) {
            return Objects.requireNonNull(adders.get(outcome));
        }
    }
}
