package io.github.kafkabackpressure.buffer;

import io.github.kafkabackpressure.InvalidBackpressurePropertyException;

/**
 * How much a buffer may hold, and what happens as it fills.
 *
 * <p>Threading: immutable.
 *
 * @param records hard limit: records that may wait
 * @param bytes keys, values and headers that may wait
 * @param softLimit records from which on those below {@code shedPriority} are dropped
 * @param shedPriority 0 sheds nothing, 10 everything
 */
public record BufferLimits(int records, long bytes, int softLimit, int shedPriority) {

    private static final String PREFIX = "kafka.backpressure.producer.";

    public BufferLimits {
        if (records < 1) {
            throw new InvalidBackpressurePropertyException(PREFIX + "max-buffered", records, "at least 1 record");
        }
        if (bytes < 1) {
            throw new InvalidBackpressurePropertyException(PREFIX + "max-buffered-bytes", bytes, "at least 1 byte");
        }
        if (softLimit < 1 || softLimit > records) {
            throw new InvalidBackpressurePropertyException(
                    PREFIX + "soft-limit", softLimit, "1 to max-buffered, which is " + records);
        }
        if (shedPriority < 0 || shedPriority > 10) {
            throw new InvalidBackpressurePropertyException(PREFIX + "shed-priority", shedPriority, "0 to 10");
        }
    }

    /** Below this share of the limits an episode of pressure is over. */
    int calmRecords() {
        return softLimit / 2;
    }

    long softBytes() {
        return Math.max(1, (long) (bytes * ((double) softLimit / records)));
    }

    long calmBytes() {
        return softBytes() / 2;
    }
}
