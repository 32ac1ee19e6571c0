package io.github.kafkabackpressure.listener.consume;

/**
 * How many records of a consumer ran when their slices were broken up and have not been taken in since: they may hang.
 *
 * <p>Threading: the consumer's thread.
 */
final class Hanging {

    private int records;

    /** Counts records in, or out if they are less than 0. */
    void add(int more) {
        records += more;
    }

    /** Whether there are some. */
    boolean hasSome() {
        return records > 0;
    }
}
