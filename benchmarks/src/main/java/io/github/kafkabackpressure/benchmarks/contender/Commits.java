package io.github.kafkabackpressure.benchmarks.contender;

/** When a contender commits. */
public enum Commits {

    /** As it does by default. */
    DEFAULT,

    /** Once a second, as {@code @BackpressuredListener} does by default. */
    EACH_SECOND
}
