package io.github.kafkabackpressure.benchmarks;

import java.util.Arrays;
import java.util.Random;

/** A reproducible sequence of keys. */
final class Keys {

    private static final long SEED = 42;

    private final Random random = new Random(SEED);

    private final int count;

    /** For Zipf, the share of the first n keys; empty for a uniform sequence. */
    private final double[] cumulative;

    Keys(int count, TopicSpec.Distribution distribution) {
        this.count = count;
        this.cumulative = distribution == TopicSpec.Distribution.ZIPF ? zipf(count) : new double[0];
    }

    String next() {
        return "key-" + index();
    }

    private int index() {
        if (cumulative.length == 0) {
            return random.nextInt(count);
        }
        int found = Arrays.binarySearch(cumulative, random.nextDouble());
        return Math.min(count - 1, found >= 0 ? found : -found - 1);
    }

    private static double[] zipf(int count) {
        double[] cumulative = new double[count];
        double sum = 0;
        for (int i = 0; i < count; i++) {
            sum += 1.0 / (i + 1);
            cumulative[i] = sum;
        }
        for (int i = 0; i < count; i++) {
            cumulative[i] /= sum;
        }
        return cumulative;
    }
}
