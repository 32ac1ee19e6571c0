package io.github.kafkabackpressure.listener.task;

import io.github.kafkabackpressure.Ordering;
import java.time.Duration;

/**
 * What of a listener's options its consumers and workers go by.
 *
 * <p>Threading: immutable.
 *
 * @param ordering the order in which records are handled
 * @param maxInFlight the most records polled and not finished, at least 1
 * @param maxInFlightPerPartition the most records in flight of a partition, or 0 for a fair share of the whole
 * @param maxInFlightBytes the most bytes in flight, or 0 for no such limit
 * @param resumeAt the share of a limit at or below which a paused partition is resumed, from 0 to 1
 * @param maxConcurrency the most records handled at the same moment, at least 1
 * @param drainTimeout how long started work may take at stop and at a revoke
 * @param commitInterval how often the frontier is committed
 * @param handlerTimeout how long the asynchronous result of a record may take, or 0 for any time
 * @param batchSize the most records in a batch, or 0 for an even share of what is in flight
 * @param batchLinger how long an incomplete batch waits for more records
 */
public record RunSettings(
        Ordering ordering,
        int maxInFlight,
        int maxInFlightPerPartition,
        long maxInFlightBytes,
        double resumeAt,
        int maxConcurrency,
        Duration drainTimeout,
        Duration commitInterval,
        Duration handlerTimeout,
        int batchSize,
        Duration batchLinger) {}
