package io.github.kafkabackpressure.progress;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * One unit of work in a lane. A lane is nothing but the chain of its unfinished tasks: each points to the one that may
 * run when it is finished. So at most one task of a lane runs, in the order in which they were appended, and an empty
 * lane costs nothing.
 *
 * <p>Threading: {@link #append} from the one thread that fills the lane, {@link #finish} from the one worker that ran
 * the task. The two meet in one atomic field: either the appender sees that the last task is finished, or the worker
 * sees its successor, never both and never neither.
 */
public abstract class LaneTask {

    private static final VarHandle NEXT;

    static {
        try {
            NEXT = MethodHandles.lookup().findVarHandle(LaneTask.class, "next", LaneTask.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** What {@link #next} holds when the task is finished and had no successor. */
    private static final LaneTask FINISHED = new LaneTask() {};

    private volatile @Nullable LaneTask next;

    /** The next one in the {@link CompletionMailbox}; written before the task is put there. */
    @Nullable LaneTask nextInMailbox;

    /** Which of the {@link KeyLanes} the task is on. */
    int lane;

    /**
     * Says which lane of {@link KeyLanes} the task belongs on, before it is appended.
     *
     * @param keyHash a hash of the task's key; tasks with equal ones are in one lane
     */
    protected final void setLane(int keyHash) {
        lane = lane(keyHash);
    }

    /** One lane for each hash, far apart in the table where hashes are neighbours. */
    static int lane(int keyHash) {
        int mixed = keyHash * 0x9E3779B9; // the golden ratio
        return mixed ^ (mixed >>> 16);
    }

    /**
     * Appends a task to the lane that this one is the last of.
     *
     * @return true if the task has to wait for this one, false if this one is finished and so the task may run now
     */
    public final boolean append(LaneTask task) {
        return NEXT.compareAndSet(this, (LaneTask) null, task);
    }

    /**
     * Ends this task's turn.
     *
     * @return the task of the lane that may run now, or null if the lane is empty
     */
    public @Nullable LaneTask finish() {
        return (LaneTask) NEXT.getAndSet(this, FINISHED);
    }

    /** The task whose {@link #finish} ends this one's turn: itself, unless another one has taken its place. */
    public LaneTask inLane() {
        return this;
    }

    /** How many records its worker has handled in its last turn. Called by the worker. */
    public int recordsInTurn() {
        return 1;
    }

    /** The task that waits for this one; null if there is none so far. Meaningful only while this task runs. */
    public @Nullable LaneTask successor() {
        return next;
    }

    /** As {@link #successor}, to be started together with this one; who does not start it says so. */
    public @Nullable LaneTask takeSuccessor() {
        return successor();
    }
}
