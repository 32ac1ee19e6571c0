package io.github.kafkabackpressure.benchmarks.contender;

/** A moment at the start of a record's value: nineteen decimal digits of {@link System#nanoTime()}. */
public final class Stamp {

    private static final int DIGITS = 19;

    private Stamp() {}

    /** A value of the given length in characters that carries the moment. */
    public static String value(long nanos, int length) {
        return String.format("%0" + DIGITS + "d", nanos) + "x".repeat(Math.max(0, length - DIGITS));
    }

    static long nanos(String value) {
        return Long.parseLong(value, 0, DIGITS, 10);
    }
}
