package io.github.kafkabackpressure.progress;

/** How often a test repeats what it draws by lot: less often where each of many mutants has to pass it. */
final class Rounds {

    private static final int DIVISOR = Integer.getInteger("rounds.divisor", 1);

    private Rounds() {}

    static int of(int ordinary) {
        return Math.max(1, ordinary / DIVISOR);
    }
}
