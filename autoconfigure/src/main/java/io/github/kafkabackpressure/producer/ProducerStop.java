package io.github.kafkabackpressure.producer;

/**
 * Where a template stands between taking records and being over. Everything that has to know asks here; what a move
 * brings about is done by the {@link SendPipeline}, which makes it.
 *
 * <table>
 * <caption>The legal moves</caption>
 * <tr><th>from</th><th>to</th><th>when</th></tr>
 * <tr><td>OPEN</td><td>CLOSING</td><td>a shutdown begins</td></tr>
 * <tr><td>CLOSING</td><td>GIVING_UP</td><td>the time is up, or there is nothing to hope for</td></tr>
 * <tr><td>CLOSING</td><td>OVER</td><td>all has ended</td></tr>
 * <tr><td>GIVING_UP</td><td>OVER</td><td>all that was known of has ended</td></tr>
 * <tr><td>OVER</td><td>OPEN</td><td>the context starts again</td></tr>
 * </table>
 *
 * <p>Threading: moved by the thread of a shutdown or of a start, read by any.
 */
final class ProducerStop {

    enum Stage {

        /** Records are taken from everyone. What fails has failed. */
        OPEN,

        /**
         * Nothing is taken in, and what was accepted leaves, whatever batch size, linger and window say. What only time
         * was too short for is a case for the store; the rest that fails has failed.
         */
        CLOSING,

        /** The sender stops where it stands. Whatever fails was not delivered. */
        GIVING_UP,

        /** All that the shutdown knew of has ended. What still fails was not delivered, and is ended at once. */
        OVER;

        private boolean mayBecome(Stage next) {
            return switch (this) {
                case OPEN -> next == CLOSING;
                case CLOSING -> next == GIVING_UP || next == OVER;
                case GIVING_UP -> next == OVER;
                case OVER -> next == OPEN;
            };
        }
    }

    private volatile Stage stage = Stage.OPEN;

    /** Counts the times that it was opened: a sender of an earlier one may hang still. Changed under the lock. */
    @SuppressWarnings("NonAtomicVolatileUpdate")
    private volatile int opening;

    Stage stage() {
        return stage;
    }

    int opening() {
        return opening;
    }

    boolean isOpen() {
        return stage == Stage.OPEN;
    }

    /** Whether what was opened as that must stop where it stands. */
    boolean isCut(int asOpened) {
        // In this order: who sees that it is open again sees by the count that it is not meant.
        Stage now = stage;
        return now == Stage.GIVING_UP || now == Stage.OVER || opening != asOpened;
    }

    /** @throws IllegalStateException if that is no legal move */
    @SuppressWarnings({"NonAtomicVolatileUpdate", "NonAtomicOperationOnVolatileField"}) // One at a time, by the lock.
    synchronized void transitionTo(Stage next) {
        if (!stage.mayBecome(next)) {
            throw new IllegalStateException("A template that is " + stage + " does not become " + next);
        }
        if (next == Stage.OPEN) {
            opening = opening + 1;
        }
        stage = next;
    }
}
