package io.github.kafkabackpressure.listener.task;

import io.github.kafkabackpressure.flow.TimeShares;
import io.github.kafkabackpressure.flow.WakeupGate;
import io.github.kafkabackpressure.progress.CompletionMailbox;
import io.github.kafkabackpressure.progress.LaneTask;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import org.apache.kafka.clients.consumer.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What crosses from the workers, and from all other threads, to one consumer: what is finished, what it is to be asked,
 * and what wakes it, wherever it waits.
 *
 * <p>Threading: any thread, but for the methods that say so.
 */
public final class ConsumerLink {

    public final CompletionMailbox mailbox = new CompletionMailbox();

    public final WakeupGate gate;

    /** What workers need the consumer's thread for. */
    public final ConsumerCalls calls;

    public final ConsumerFacts facts;

    /** What the consumer's time goes into. */
    public final TimeShares times;

    /** Whether the consumer waits for room; a worker that makes some wakes it. */
    public volatile boolean waitsForRoom;

    /** Whether a worker that finishes the last record of a partition wakes the consumer, to commit at once. */
    public volatile boolean wakeWhenDrained;

    private final RunFailure failures;

    private final LongSupplier nanoTime;

    private volatile @Nullable Thread drainWaiter;

    /** The consumer's thread while it waits for room outside of a poll. */
    private volatile @Nullable Thread roomWaiter;

    private volatile @Nullable Error failure;

    /**
     * Whether somebody has asked something of the loop around the consumer, such as a seek. The loop looks at that before
     * it polls, so a tick answers the gate's signal too late.
     */
    private volatile boolean loopIsAsked;

    /**
     * Makes a link.
     *
     * @param wakeup ends the consumer's poll
     */
    public ConsumerLink(Consumer<?, ?> consumer, Runnable wakeup, RunFailure failures, LongSupplier nanoTime) {
        this.gate = new WakeupGate(wakeup);
        this.calls = new ConsumerCalls(this::wakeWhereverItWaits);
        this.facts = new ConsumerFacts(consumer, nanoTime);
        this.times = new TimeShares(nanoTime.getAsLong());
        this.failures = failures;
        this.nanoTime = nanoTime;
    }

    /** Makes the loop look at what was asked of it, before it polls again for longer than a moment. */
    public void wakeLoop() {
        loopIsAsked = true; // first: the signal may be answered by a tick that begins between the two
        gate.signal();
    }

    /**
     * Whether {@link #wakeLoop} was called since this was last asked, which is to be after the gate's tick has begun. The
     * consumer's thread.
     */
    public boolean takeLoopIsAsked() {
        boolean asked = loopIsAsked;
        if (asked) {
            loopIsAsked = false;
        }
        return asked;
    }

    /**
     * Wakes the consumer if it matters to it that a record has left flight.
     *
     * @param left how many records of its partition are still in flight
     * @param wakeAt with how many of them the consumer wants to be woken
     */
    void wakeIfWanted(int left, int wakeAt) {
        if (left <= wakeAt || (left == 0 && wakeWhenDrained)) {
            gate.signal();
        }
        unparkDrain();
    }

    /** Makes the consumer hand out the rest of a slice that a worker has broken up. */
    public void wakeToHandOut() {
        wakeWhereverItWaits();
    }

    /** Takes back a record that was not started because its partition is gone. */
    public void takeBack(LaneTask task) {
        mailbox.put(task);
        unparkDrain();
    }

    private void wakeWhereverItWaits() {
        gate.signal();
        unparkDrain();
    }

    private void unparkDrain() {
        Thread waiter = drainWaiter;
        if (waiter != null) {
            LockSupport.unpark(waiter);
        }
    }

    /** Says that the consumer's thread waits for running records from now on. The consumer's thread. */
    public void beginDrain() {
        drainWaiter = Thread.currentThread();
    }

    /** Says that the wait is over. The consumer's thread. */
    public void endDrain() {
        drainWaiter = null;
    }

    /**
     * Waits outside of a poll until there is room for one, while {@link #waitsForRoom}. The consumer's thread.
     *
     * @param hasRoom looks whether there is
     */
    public void awaitRoom(BooleanSupplier hasRoom, long longestNanos) {
        roomWaiter = Thread.currentThread();
        try {
            long deadline = nanoTime.getAsLong() + longestNanos;
            while (!hasRoom.getAsBoolean()) {
                long left = deadline - nanoTime.getAsLong();
                if (left <= 0) {
                    return;
                }
                // Room that came between the look above and this line has unparked this thread.
                LockSupport.parkNanos(this, left);
                if (Thread.currentThread().isInterrupted()) {
                    return; // it would not park any more
                }
            }
        } finally {
            roomWaiter = null;
        }
    }

    /** Wakes the consumer if it waits for room. */
    void wakeIfWaiting() {
        if (waitsForRoom) {
            Thread waiter = roomWaiter;
            if (waiter != null) {
                LockSupport.unpark(waiter);
            } else {
                gate.signal();
            }
        }
    }

    /** Ends the consumer's loop by an error that no handler may see. */
    public void fail(Throwable cause) {
        Error error = cause instanceof Error own ? own : new Error("a worker failed outside of the listener", cause);
        failure = error;
        failures.failedBy(error);
        wakeWhereverItWaits();
    }

    /** Throws what {@link #fail} was given, if anything. The consumer's thread. */
    public void throwFailure() {
        Error error = failure;
        if (error != null) {
            throw error;
        }
    }
}
