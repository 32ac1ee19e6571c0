package io.github.kafkabackpressure.progress;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * Records that follow one another in a partition and are handled by one worker, in order: one task for all of them. It
 * costs neither the consumer's thread nor the worker more than a compare-and-set for a record, and none of what a task
 * of its own costs. That suits handlers so quick that nobody would gain if several workers shared the records. For the
 * case that one of them is not quick after all, or fails, a slice can be broken up at any moment: then the record that
 * runs becomes a task of its own, and those behind it are the consumer's to hand out again.
 *
 * <p>All that the two sides must agree on is in one word: how many records have been claimed, how many of them have
 * been accounted for (taken out of flight), and whether the slice is broken up. Each change is one compare-and-set, so a
 * record is accounted for by exactly one side, and a record is either run here or handed out again, never both.
 *
 * <table>
 * <caption>States and legal moves</caption>
 * <tr><th>state</th><th>meaning</th><th>moves</th></tr>
 * <tr><td>claimed 0</td><td>waits for its turn</td><td>{@code claim} to 1, {@code breakUp}</td></tr>
 * <tr><td>claimed 1 to size</td><td>the record before that number runs, those before it are finished</td>
 *     <td>{@code claim} to the next, {@code breakUp}</td></tr>
 * <tr><td>claimed size + 1</td><td>over: all records are finished</td><td>none</td></tr>
 * <tr><td>broken up</td><td>the last record claimed is {@link #current}; the rest will never be claimed</td>
 *     <td>none</td></tr>
 * </table>
 *
 * <p>Threading: {@link #claim} from the one worker that runs the slice, {@link #breakUp} from that and from the
 * consumer's thread; anyone may ask for the state.
 */
public abstract class Slice extends LaneTask {

    /** What {@link #claim} answers when the last record is finished. */
    public static final int OVER = -1;

    /** What {@link #claim} answers when there is nothing to claim any more, as the slice is broken up. */
    public static final int BROKEN_UP = -2;

    /** The side that breaks a slice up. */
    public enum Side {
        CONSUMER,
        WORKER
    }

    private static final VarHandle STATE;

    static {
        try {
            STATE = MethodHandles.lookup().findVarHandle(Slice.class, "state", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private static final long BROKEN = Long.MIN_VALUE;

    private static final long BROKEN_BY_WORKER = 1L << 62;

    private static final int ACCOUNTED_SHIFT = 31;

    private static final long COUNT_MASK = (1L << ACCOUNTED_SHIFT) - 1;

    private final int size;

    /** Bits 0 to 30: claimed. Bits 31 to 61: accounted for. Bit 62: by the worker. Bit 63: broken up. */
    private volatile long state;

    /** What the last record claimed became, as either side made it before its attempt to break the slice up. */
    private @Nullable LaneTask currentByConsumer;

    private @Nullable LaneTask currentByWorker;

    /** How many records the last {@link #claim} leaves to its caller to account for. */
    private int toAccount;

    protected Slice(int size) {
        this.size = size;
    }

    /** Makes a record of the slice a task of its own. */
    protected abstract LaneTask taskOf(int index);

    /**
     * Says that the record claimed last is finished, and claims the next.
     *
     * @param accounts whether the caller will account for all that are finished; in the end it has to in any case
     * @return the record's index, {@link #OVER} or {@link #BROKEN_UP}; in the latter case the record claimed last, if
     *     there is one, is {@link #current}, and the one who broke the slice up accounts for those before it
     */
    public final int claim(boolean accounts) {
        long now = state;
        if (now < 0) {
            return BROKEN_UP;
        }
        int claimed = claimed(now);
        boolean last = claimed == size;
        boolean all = accounts || last;
        long next = all ? word(claimed + 1, claimed) : now + 1;
        if (!STATE.compareAndSet(this, now, next)) {
            return BROKEN_UP; // nothing else can have come between
        }
        toAccount = all ? claimed - accounted(now) : 0;
        return last ? OVER : claimed;
    }

    /** How many finished records the last successful {@link #claim} leaves to its caller to account for. */
    public final int toAccount() {
        return toAccount;
    }

    /**
     * Keeps the worker from claiming any more records.
     *
     * @return how many finished records the caller has to account for; -1 if the slice was over or broken up before
     */
    public final int breakUp(Side side) {
        while (true) {
            long now = state;
            int claimed = claimed(now);
            if (now < 0 || claimed > size) {
                return -1;
            }
            if (claimed > 0) {
                // Each side has its own field, as both may be here: the state tells which of them counts.
                if (side == Side.WORKER) {
                    currentByWorker = taskOf(claimed - 1);
                } else {
                    currentByConsumer = taskOf(claimed - 1);
                }
            }
            int finished = Math.max(0, claimed - 1);
            long next = word(claimed, finished) | BROKEN | (side == Side.WORKER ? BROKEN_BY_WORKER : 0);
            if (STATE.compareAndSet(this, now, next)) {
                return finished - accounted(now);
            }
        }
    }

    /** Whether it is broken up. */
    public final boolean isBrokenUp() {
        return state < 0;
    }

    /** Whether all records are finished. */
    public final boolean isOver() {
        return claimed(state) > size;
    }

    /** How many records have been claimed. */
    public final int claimed() {
        return Math.min(size, claimed(state));
    }

    /** How many records are finished, from the first on; of one broken up, {@link #current} is never among them. */
    public final int finished() {
        return Math.max(0, claimed(state) - 1);
    }

    /** What became of the record claimed last when the slice was broken up; null if none had been claimed. */
    public final @Nullable LaneTask current() {
        long now = state;
        if (now >= 0 || claimed(now) == 0) {
            return null;
        }
        return (now & BROKEN_BY_WORKER) != 0 ? currentByWorker : currentByConsumer;
    }

    /** Once broken up, it is the record claimed last whose end the lane waits for. */
    @Override
    public final LaneTask inLane() {
        LaneTask current = current();
        return current == null ? this : current;
    }

    public final int size() {
        return size;
    }

    private static int claimed(long word) {
        return (int) (word & COUNT_MASK);
    }

    private static int accounted(long word) {
        return (int) (word >>> ACCOUNTED_SHIFT & COUNT_MASK);
    }

    private static long word(int claimed, int accounted) {
        return (long) accounted << ACCOUNTED_SHIFT | claimed;
    }
}
