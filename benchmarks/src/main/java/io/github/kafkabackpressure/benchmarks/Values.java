package io.github.kafkabackpressure.benchmarks;

import java.util.Random;

/** A reproducible sequence of values, all of the same length. */
final class Values {

    /** So many different ones, in turn: making one must cost less than sending it. */
    private static final int DIFFERENT = 64;

    private final String[] values;

    private int next;

    Values(TopicSpec spec) {
        Random random = new Random(7);
        values = new String[spec.values() == TopicSpec.Values.TEXT ? 1 : DIFFERENT];
        for (int i = 0; i < values.length; i++) {
            values[i] = switch (spec.values()) {
                case TEXT -> "v".repeat(spec.recordBytes());
                case JSON -> json(i, spec.recordBytes());
                case WORDS -> words(random, spec.recordBytes());
            };
        }
    }

    String next() {
        next = (next + 1) % values.length;
        return values[next];
    }

    private static String json(int index, int length) {
        String start = String.format("{\"customer\":\"c-%02d\",\"cents\":%d,\"note\":\"", index, 1000 + index);
        String end = "\"}";
        return start + "n".repeat(Math.max(0, length - start.length() - end.length())) + end;
    }

    /** Random words of a small vocabulary, which compress to about a third. */
    private static String words(Random random, int length) {
        StringBuilder text = new StringBuilder(length + 8);
        while (text.length() < length) {
            text.append(Integer.toString(random.nextInt(4096), 36)).append(' ');
        }
        return text.substring(0, length);
    }
}
