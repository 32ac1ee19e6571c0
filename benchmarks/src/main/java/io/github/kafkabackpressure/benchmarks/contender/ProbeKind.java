package io.github.kafkabackpressure.benchmarks.contender;

/** What a run measures. */
public enum ProbeKind {

    /** Records a second, and what a record costs. */
    THROUGHPUT,

    /** From the producer's {@code send} to the handler's first line. */
    LATENCY,

    /** From the completion that makes room to the first record that was polled after it. */
    RESUME,

    /** Records sent and acknowledged a second; the contender is a producer. */
    SEND,

    /** As {@link #SEND}, and then the heap while the broker is frozen. */
    SEND_FROZEN
}
