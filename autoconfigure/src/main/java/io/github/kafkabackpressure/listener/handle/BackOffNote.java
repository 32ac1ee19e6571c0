package io.github.kafkabackpressure.listener.handle;

import org.jspecify.annotations.Nullable;
import org.springframework.util.backoff.BackOff;
import org.springframework.util.backoff.BackOffExecution;

/**
 * Takes down how long an error handler would wait, in place of waiting. While a thread has an open note, back-offs that
 * were made {@link #noting} write their times there and say that there is nothing to wait for.
 *
 * <p>Threading: the thread that opens it.
 */
final class BackOffNote implements AutoCloseable {

    private static final ThreadLocal<BackOffNote> OPEN = new ThreadLocal<>();

    private long millis = -1;

    private BackOffNote() {}

    /** Opens a note for the calling thread. */
    static BackOffNote open() {
        BackOffNote note = new BackOffNote();
        OPEN.set(note);
        return note;
    }

    /** Whether the calling thread has an open note. */
    static boolean isOpen() {
        return OPEN.get() != null;
    }

    /** What has been taken down, in milliseconds; -1 if nothing has. */
    long millis() {
        return millis;
    }

    @Override
    public void close() {
        OPEN.remove();
    }

    /** A back-off that writes its times to the open note; for a thread without one it is as it was. */
    static BackOff noting(BackOff backOff) {
        return backOff instanceof Noting ? backOff : new Noting(backOff);
    }

    /** The back-off that notes. */
    private record Noting(BackOff backOff) implements BackOff {

        @Override
        public BackOffExecution start() {
            return new Execution(backOff.start());
        }

        @Override
        public String toString() {
            return backOff.toString();
        }
    }

    /** One record's. */
    private record Execution(BackOffExecution execution) implements BackOffExecution {

        @Override
        public long nextBackOff() {
            long next = execution.nextBackOff();
            @Nullable BackOffNote note = OPEN.get();
            if (note == null || next == STOP) {
                return next;
            }
            note.millis = next;
            return 0;
        }

        @Override
        public String toString() {
            return execution.toString();
        }
    }
}
