package io.github.kafkabackpressure.buffer;

/**
 * The records that the sender has taken out of a buffer and not yet reported as handed over: how many they are, and that
 * none of them was accepted before a certain one.
 *
 * <p>Threading: under the lock of the buffer that owns it.
 */
final class InHand {

    private int count;

    private long firstPosition;

    /** Adds some, of which the oldest has this position. */
    void add(int more, long oldestPosition) {
        firstPosition = count == 0 ? oldestPosition : Math.min(firstPosition, oldestPosition);
        count += more;
    }

    void remove(int handedOver) {
        count -= handedOver;
    }

    int count() {
        return count;
    }

    /** Whether none of them was accepted before the mark was made. */
    boolean areBeyond(long mark) {
        return count == 0 || firstPosition > mark;
    }
}
