package io.github.kafkabackpressure.producer;

import io.github.kafkabackpressure.BufferState;
import io.github.kafkabackpressure.Overflow;
import io.github.kafkabackpressure.SendOutcome;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;

/**
 * What a template holds at a moment, and how its sends have ended so far.
 *
 * <p>Threading: immutable.
 *
 * @param name the template's bean name
 * @param state how full its buffer is
 * @param overflow what happens when that is full
 * @param buffered records that wait in it
 * @param softLimit records from which on those of low priority are dropped
 * @param maxBuffered the most records that may wait
 * @param bufferedBytes bytes that wait in it
 * @param maxBufferedBytes the most bytes that may wait
 * @param inFlight records with Kafka's producer, not yet acknowledged
 * @param maxInFlight the most of them
 * @param slow whether batches are larger because Kafka is slow
 * @param blocked threads that wait to send: for their turn under the rate limit, or for room
 * @param blockedTotal how often a thread has had to wait to send since the template was made
 * @param blockedTime how long they have waited since then, all together; those that still wait included
 * @param accepted records accepted since the template was made
 * @param outcomes records by how their sending ended since then
 */
public record ProducerSnapshot(
        String name,
        BufferState state,
        Overflow overflow,
        long buffered,
        long softLimit,
        long maxBuffered,
        long bufferedBytes,
        long maxBufferedBytes,
        long inFlight,
        long maxInFlight,
        boolean slow,
        long blocked,
        long blockedTotal,
        Duration blockedTime,
        long accepted,
        Map<SendOutcome, Long> outcomes) {

    public ProducerSnapshot {
        outcomes = Map.copyOf(outcomes);
    }

    static ProducerSnapshot of(String name, ProducerOptions options, ProducerStats stats) {
        Map<SendOutcome, Long> outcomes = new EnumMap<>(SendOutcome.class);
        for (SendOutcome outcome : SendOutcome.values()) {
            outcomes.put(outcome, stats.ended(outcome));
        }
        return new ProducerSnapshot(
                name,
                stats.state(),
                options.overflow(),
                stats.buffered(),
                options.limits().softLimit(),
                options.limits().records(),
                stats.bufferedBytes(),
                options.limits().bytes(),
                stats.inFlight(),
                stats.maxInFlight(),
                stats.slow(),
                stats.blocked(),
                stats.blockedTotal(),
                Duration.ofNanos(stats.blockedNanos()),
                stats.accepted(),
                outcomes);
    }
}
