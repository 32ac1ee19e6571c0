package io.github.kafkabackpressure.benchmarks.contender;

import java.io.IOException;
import java.io.UncheckedIOException;

/** What a run asks of the harness, in a line of its output; the answer is one byte of input. */
public final class Requests {

    /** Freeze the broker. */
    public static final String FREEZE = "@freeze";

    /** Kill this process, or the one beside it. */
    public static final String KILL = "@kill";

    private Requests() {}

    /** Asks, and waits until it is done. */
    static void send(String request) {
        System.out.println(request);
        try {
            if (System.in.read() < 0) {
                throw new IllegalStateException("The harness is gone");
            }
        } catch (IOException ex) {
            throw new UncheckedIOException(ex);
        }
    }
}
