package io.github.kafkabackpressure.producer;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.github.kafkabackpressure.BufferState;
import io.github.kafkabackpressure.buffer.BoundedBuffer;
import io.github.kafkabackpressure.buffer.InFlightWindow;
import io.github.kafkabackpressure.producer.spool.UndeliveredStore;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.jspecify.annotations.Nullable;

/**
 * Empties a template's buffer into Kafka's producer. Its thread is started by the first record that waits and ends when
 * the intake is closed and nothing waits any more; it is woken only when it sleeps and there is something to do. Serves
 * up to one shutdown.
 *
 * <p>Threading: {@link #run()} and what it calls is the sender's thread; callers, Kafka's thread and the thread of a
 * shutdown use the rest.
 */
final class Sender<K, V> implements Runnable {

    private static final Log logger = LogFactory.getLog(Sender.class);

    /** Taken at a time: enough to make the lock cheap, few enough that the rest can still be dropped for others. */
    private static final int CHUNK = 256;

    /** While the window is full, a wake-up comes when much of it is free; this finds what is little. */
    private static final long LOOK_FOR_PLACE_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

    /** After a step that failed for a reason of ours: the next one might at once. */
    private static final long AFTER_FAILURE_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

    /** The share of the time for the hand-over that may be spent on one topic or partition that is not there. */
    private static final double METADATA_SHARE = 1 / 3.0;

    /** The share of the time for the hand-over that may be spent on what an earlier shutdown left. */
    private static final double REPLAY_SHARE = 2 / 3.0;

    private static final long SHUTDOWN_LOOK_MILLIS = 20;
    private static final long ABORT_MILLIS = 500;

    private final String name;
    private final BoundedBuffer<PendingSend<K, V>> buffer;
    private final InFlightWindow window;
    private final Pace pace;
    private final ProducerStop stop;
    private final int opening;
    private final StateChanges changes;
    private final LongSupplier nanoTime;
    private final int placesWorthAWakeUp;

    private final SenderHand<K, V> hand;

    private final AbsentSends<K, V> absent;

    private final Replay replay;

    /** What is left of the batch that is leaving. The sender's own. */
    private int batchLeft;

    @GuardedBy("this") private @Nullable Thread thread;

    private volatile boolean started;

    private volatile boolean idle;

    /** While idle: how many records must wait before it is worth a wake-up. */
    private volatile int wakeAt = 1;

    /** While places are awaited: how many must have been given back for a wake-up. */
    private volatile long wakeAtReleased = Long.MAX_VALUE;

    Sender(
            String name,
            BoundedBuffer<PendingSend<K, V>> buffer,
            InFlightWindow window,
            Pace pace,
            ProducerStop stop,
            int opening,
            KnownTopics topics,
            SendCompletion<K, V> completion,
            HandOver<K, V> handOver,
            StateChanges changes,
            @Nullable UndeliveredStore<K, V> store,
            long metadataWaitNanos,
            LongSupplier nanoTime) {
        this.name = name;
        this.buffer = buffer;
        this.window = window;
        this.pace = pace;
        this.stop = stop;
        this.opening = opening;
        this.changes = changes;
        this.nanoTime = nanoTime;
        this.placesWorthAWakeUp = Math.max(1, Math.min(window.limit() / 4, 1024));
        AbsentTopics<K, V> absentTopics = new AbsentTopics<>();
        this.hand = new SenderHand<>(
                name, buffer, window, topics, completion, handOver, absentTopics, nanoTime, this::isCut, stop);
        this.absent = new AbsentSends<>(absentTopics, buffer, topics, completion, hand, metadataWaitNanos, this::isCut);
        this.replay = new Replay(name, store, this::isCut, nanoTime);
    }

    private boolean isCut() {
        return stop.isCut(opening);
    }

    @Override
    public void run() {
        try {
            if (!replay.run()) {
                hand.giveUpWhatWaits();
                return;
            }
            while (!isCut() && safeStep()) {
                changes.tell();
            }
        } finally {
            changes.tell();
        }
    }

    /** Whatever a step throws: the records in hand have failed, and the others must not wait for ever. */
    private boolean safeStep() {
        try {
            return step();
        } catch (Throwable e) {
            logger.error("The sender of '" + name + "' failed, and goes on", e);
            hand.fail(e);
            LockSupport.parkNanos(this, AFTER_FAILURE_NANOS);
            return true;
        }
    }

    /** One look at the buffer; says whether there will be another. */
    private boolean step() {
        long now = nanoTime.getAsLong();
        pace.step(now, window.inFlight());
        if (!absent.isEmpty()) {
            absent.look(now, CHUNK);
        }
        if (batchLeft == 0) {
            int batchSize = pace.batchSize();
            boolean closed = !stop.isOpen(); // asked before the buffer, which takes in nothing any more then
            long untilDue = buffer.nanosUntilDue(batchSize, pace.lingerNanos(), now);
            if (untilDue == Long.MAX_VALUE && closed && absent.isEmpty()) {
                return false;
            }
            if (untilDue > 0) {
                rest(untilDue, batchSize, now);
                return true;
            }
            batchLeft = batchSize;
        }
        int wanted = Math.min(batchLeft, CHUNK);
        List<PendingSend<K, V>> next = new ArrayList<>(Math.min(wanted, Math.max(1, window.free())));
        int left = hand.take(next, wanted);
        if (left == SenderHand.NO_PLACE) {
            awaitPlace();
            return true;
        }
        batchLeft = hand.ranDry() ? 0 : batchLeft - left;
        hand.handOver(next);
        return true;
    }

    private void rest(long untilDue, int batchSize, long now) {
        boolean empty = untilDue == Long.MAX_VALUE;
        wakeAt = empty ? 1 : batchSize;
        idle = true;
        // Looked at again after the flag is up: what was offered before it is seen here, what is offered after it
        // wakes.
        long again = buffer.nanosUntilDue(batchSize, pace.lingerNanos(), nanoTime.getAsLong());
        boolean stillEmpty = again == Long.MAX_VALUE;
        long look = absent.nanosUntilLook(now);
        // And so is the flag: the buffer's lock may have used up the wake-up.
        if (again > 0 && stillEmpty == empty && !isCut() && idle && !(empty && !stop.isOpen() && absent.isEmpty())) {
            long nanos = Math.min(again, look);
            if (nanos == Long.MAX_VALUE) {
                LockSupport.park(this);
            } else {
                LockSupport.parkNanos(this, nanos);
            }
        }
        idle = false;
        // Whoever interrupts has said by a field what for; the flag would keep the next rest from being one.
        Thread.interrupted();
    }

    private void awaitPlace() {
        wakeAtReleased = window.releasedWhenFree(placesWorthAWakeUp);
        if (window.free() <= 0 && stop.isOpen()) {
            LockSupport.parkNanos(this, LOOK_FOR_PLACE_NANOS);
        }
        wakeAtReleased = Long.MAX_VALUE;
        Thread.interrupted();
    }

    // For other threads.

    /** A record was offered, and waits. */
    void recordWaits() {
        if (!started) {
            start();
        }
        if (idle && (buffer.backlog() >= wakeAt || buffer.state() != BufferState.NORMAL)) {
            wake();
        }
    }

    /** An acknowledgement has freed a place in the window, which has got back so many in all. */
    void placeFreed(long released) {
        if (released >= wakeAtReleased) {
            wakeAtReleased = Long.MAX_VALUE;
            wake();
        }
    }

    /** Whether something must be sent before anything else. */
    boolean mustGoFirst() {
        return replay.isUnderWay();
    }

    boolean runsOn(Thread other) {
        return current() == other;
    }

    void wake() {
        Thread sender = current();
        if (sender != null) {
            idle = false;
            LockSupport.unpark(sender);
        }
    }

    /** Waits until all that was accepted before the mark is handed over. */
    void awaitLeft(long mark) throws InterruptedException {
        while (!buffer.hasLeft(mark)) {
            TimeUnit.MILLISECONDS.sleep(1);
        }
    }

    /**
     * Waits until the sender has handed everything over and ended, or the deadline. A topic or partition that is not
     * there is given up after a while, so that it does not take the others down with it.
     */
    boolean awaitEnd(long deadlineNanos) {
        long begun = nanoTime.getAsLong();
        long metadataNanos = (long) ((deadlineNanos - begun) * METADATA_SHARE);
        long replayNanos = (long) ((deadlineNanos - begun) * REPLAY_SHARE);
        absent.endIsAwaited(begun, begun + metadataNanos);
        if (buffer.backlog() > 0 && !started) {
            start();
        }
        Thread sender = current();
        if (sender == null) {
            return true;
        }
        boolean interrupted = false;
        while (sender.isAlive() && nanoTime.getAsLong() - deadlineNanos < 0) {
            try {
                sender.join(SHUTDOWN_LOOK_MILLIS);
            } catch (InterruptedException e) {
                interrupted = true;
            }
            replay.cutShort(sender, begun + replayNanos);
            hand.cutShort(sender, metadataNanos);
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return !sender.isAlive();
    }

    /** Ends the sender where it stands, for good: it has been cut. What it holds is given up, also if it hangs. */
    void abort() {
        Thread sender = current();
        if (sender == null) {
            return;
        }
        sender.interrupt();
        LockSupport.unpark(sender);
        try {
            sender.join(ABORT_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        hand.giveUp();
    }

    private synchronized void start() {
        if (started) {
            return;
        }
        Thread sender = OwnThread.of("sender-" + name, this);
        thread = sender;
        started = true;
        try {
            sender.start();
        } catch (Throwable e) {
            started = false; // there was no memory for a thread: the next record tries again
            throw e;
        }
    }

    private synchronized @Nullable Thread current() {
        return thread;
    }
}
