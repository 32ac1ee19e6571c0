package io.github.kafkabackpressure.benchmarks.contender;

/** What a run measures. */
public enum ProbeKind {

    /** Records a second, and what a record costs. */
    THROUGHPUT,

    /** From the producer's {@code send} to the handler's first line. */
    LATENCY,

    /** From the completion that makes room to the first record that was polled after it. */
    RESUME,

    /** The records that come again after the contender's process was killed. */
    REPEATED,

    /** The process that is killed, before the one of {@link #REPEATED}. */
    KILLED,

    /** From the kill of one of a group's two members until the other has taken over. */
    SURVIVOR,

    /** The member that is killed, beside the one of {@link #SURVIVOR}. */
    MEMBER,

    /** What an application with many listeners takes to start, and holds. */
    START,

    /** What polling takes of the consumer's thread while next to nothing is handled. */
    POLLING,

    /** Records sent and acknowledged a second; the contender is a producer. */
    SEND,

    /** As {@link #SEND}, and then the heap while the broker is frozen. */
    SEND_FROZEN
}
