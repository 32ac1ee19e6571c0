package io.github.kafkabackpressure.benchmarks.contender;

/** A percentile by nearest rank. */
final class Percentile {

    private Percentile() {}

    static long of(long[] sorted, double share) {
        int rank = (int) Math.ceil(share * sorted.length);
        return sorted[Math.max(0, rank - 1)];
    }
}
