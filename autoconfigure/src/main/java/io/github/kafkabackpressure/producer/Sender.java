package io.github.kafkabackpressure.producer;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.github.kafkabackpressure.BufferState;
import io.github.kafkabackpressure.buffer.BoundedBuffer;
import io.github.kafkabackpressure.buffer.InFlightWindow;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.apache.kafka.common.errors.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * Empties a pipeline's buffer into Kafka's producer. Its thread is started by the first record that waits and ends when
 * the intake is closed and nothing waits any more; it is woken only when it sleeps and there is something to do.
 *
 * <p>Threading: {@link #run()} and what it calls is the sender's thread; callers, Kafka's thread and the lifecycle
 * thread use the rest.
 */
final class Sender<K, V> implements Runnable {

    private static final Log logger = LogFactory.getLog(Sender.class);

    /** Taken at a time: enough to make the lock cheap, few enough that the rest can still be dropped for others. */
    private static final int CHUNK = 256;

    /** While the window is full, a wake-up comes when much of it is free; this finds what is little. */
    private static final long LOOK_FOR_PLACE_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

    /** A hand-over that failed after so long waited for metadata, not for memory. */
    private static final long LONG_HAND_OVER_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    /** The share of a shutdown's time that may be spent on the metadata of one topic. */
    private static final int METADATA_SHARE = 4;

    /** The share of a shutdown's time that may be spent on what an earlier one left. */
    private static final int REPLAY_SHARE = 2;

    private static final long SHUTDOWN_LOOK_MILLIS = 20;
    private static final long ABORT_MILLIS = 500;

    private final SendPipeline<K, V> pipeline;
    private final BoundedBuffer<PendingSend<K, V>> buffer;
    private final InFlightWindow window;
    private final int placesWorthAWakeUp;

    // The sender's own.
    private final List<PendingSend<K, V>> hand = new ArrayList<>(CHUNK);
    private final Set<String> reachable = new HashSet<>();

    /** Until when a hand-over waited in vain for a topic: what was accepted before that has waited enough, too. */
    private final Map<String, Long> unreachable = new HashMap<>();

    /** What is left of the batch that is leaving. */
    private int batchLeft;

    @GuardedBy("this") private @Nullable Thread thread;

    private volatile boolean started;
    private volatile boolean replaying;

    /** Set by a shutdown that has waited long enough for the replay; nothing is offered any more when it is. */
    private volatile boolean replayTimeIsUp;

    private volatile boolean idle;
    private volatile boolean awaitsPlace;
    private volatile boolean aborted;

    /** While idle: how many records must wait before it is worth a wake-up. */
    private volatile int wakeAt = 1;

    /** Since when a first hand-over to a topic has been running; zero when none is. */
    private volatile long reachingSince;

    Sender(SendPipeline<K, V> pipeline) {
        this.pipeline = pipeline;
        this.buffer = pipeline.buffer();
        this.window = pipeline.window();
        this.placesWorthAWakeUp = Math.max(1, Math.min(window.limit() / 4, 1024));
        this.replaying = pipeline.store() != null;
    }

    @Override
    public void run() {
        try {
            if (!replay()) {
                // What waits is newer than what was left: it is kept behind it, for the next start.
                buffer.take(hand, Integer.MAX_VALUE);
                return;
            }
            while (!aborted && step()) {
                publishChanges();
            }
        } catch (RuntimeException | Error e) {
            logger.error("The sender of '" + pipeline.name() + "' ended unexpectedly; the next send starts another", e);
            started = false;
        } finally {
            hand.forEach(pipeline::giveUp);
            buffer.handedOver(hand.size());
            hand.clear();
            publishChanges();
        }
    }

    /** Says whether newer records may follow. */
    private boolean replay() {
        UndeliveredStore<K, V> store = pipeline.store();
        boolean newerMayFollow = store == null || !replaying || store.replay(() -> !aborted && !replayTimeIsUp);
        replaying = false;
        return newerMayFollow;
    }

    /** One look at the buffer; says whether there will be another. */
    private boolean step() {
        long now = pipeline.now();
        pipeline.stepSlowMode(now);
        if (batchLeft == 0) {
            int batchSize = pipeline.batchSize();
            long untilDue = buffer.nanosUntilDue(batchSize, pipeline.lingerNanos(), now);
            if (untilDue == Long.MAX_VALUE && pipeline.closed()) {
                return false;
            }
            if (untilDue > 0) {
                rest(untilDue, batchSize);
                return true;
            }
            batchLeft = batchSize;
        }
        int wanted = Math.min(batchLeft, CHUNK);
        int places = acquire(wanted);
        if (places == 0) {
            awaitPlace();
            return true;
        }
        int taken = buffer.take(hand, places);
        window.release(places - taken);
        batchLeft = taken < places ? 0 : batchLeft - taken;
        handOver();
        return true;
    }

    /** A shutdown does not wait for acknowledgements before it hands over the rest: Kafka's own buffer bounds it. */
    private int acquire(int wanted) {
        if (!pipeline.closed()) {
            return window.tryAcquire(wanted);
        }
        window.acquireRegardless(wanted);
        return wanted;
    }

    private void handOver() {
        int done = 0;
        for (PendingSend<K, V> send : hand) {
            if (aborted) {
                break;
            }
            handOver(send);
            done++;
            // An interrupt was meant for this hand-over, at most; the next must not end at once.
            Thread.interrupted();
        }
        List<PendingSend<K, V>> rest = hand.subList(done, hand.size());
        window.release(rest.size());
        rest.forEach(pipeline::giveUp);
        buffer.handedOver(hand.size());
        hand.clear();
    }

    private void handOver(PendingSend<K, V> send) {
        String topic = send.record.topic();
        if (reachable.contains(topic)) {
            pipeline.handOver(send);
            return;
        }
        Long waitedUntil = unreachable.get(topic);
        if (waitedUntil != null && (pipeline.closed() || send.acceptedNanos() - waitedUntil < 0)) {
            send.inFlight = true;
            pipeline.completed(
                    send,
                    null,
                    new TimeoutException("Topic " + topic + " could not be reached for an earlier record, for which"
                            + " this one has waited"));
            return;
        }
        long before = pipeline.now();
        reachingSince = before;
        try {
            pipeline.handOver(send);
        } finally {
            reachingSince = 0;
        }
        long after = pipeline.now();
        if (send.failed
                && (after - before >= LONG_HAND_OVER_NANOS
                        || Thread.currentThread().isInterrupted())) {
            unreachable.put(topic, after);
        } else if (!send.failed) {
            unreachable.remove(topic);
            reachable.add(topic);
        }
    }

    private void rest(long untilDue, int batchSize) {
        boolean empty = untilDue == Long.MAX_VALUE;
        wakeAt = empty ? 1 : batchSize;
        idle = true;
        // Looked at again after the flag is up: what was offered before it is seen here, what is offered after it
        // wakes.
        long again = buffer.nanosUntilDue(batchSize, pipeline.lingerNanos(), pipeline.now());
        boolean stillEmpty = again == Long.MAX_VALUE;
        if (again > 0 && stillEmpty == empty && !aborted) {
            if (empty) {
                LockSupport.park(this);
            } else {
                LockSupport.parkNanos(this, again);
            }
        }
        idle = false;
    }

    private void awaitPlace() {
        awaitsPlace = true;
        if (window.free() <= 0 && !pipeline.closed() && !aborted) {
            LockSupport.parkNanos(this, LOOK_FOR_PLACE_NANOS);
        }
        awaitsPlace = false;
    }

    private void publishChanges() {
        if (buffer.hasChanged()) {
            pipeline.publishChanges();
        }
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

    /** An acknowledgement has freed a place in the window. */
    void placeFreed() {
        if (awaitsPlace && window.free() >= placesWorthAWakeUp) {
            awaitsPlace = false;
            wake();
        }
    }

    /** Whether something must be sent before anything else. */
    boolean mustGoFirst() {
        return replaying;
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
     * Waits until the sender has handed everything over and ended, or the deadline. A topic that is out of reach is given
     * up after a while, so that it does not take the others down with it.
     */
    boolean awaitEnd(long deadlineNanos) {
        if (buffer.backlog() > 0 && !started) {
            start();
        }
        Thread sender = current();
        if (sender == null) {
            return true;
        }
        long begun = pipeline.now();
        long metadataNanos = (deadlineNanos - begun) / METADATA_SHARE;
        long replayNanos = (deadlineNanos - begun) / REPLAY_SHARE;
        boolean interrupted = false;
        while (sender.isAlive() && pipeline.now() - deadlineNanos < 0) {
            try {
                sender.join(SHUTDOWN_LOOK_MILLIS);
            } catch (InterruptedException e) {
                interrupted = true;
            }
            if (replaying && !replayTimeIsUp && pipeline.now() - begun > replayNanos) {
                replayTimeIsUp = true;
                sender.interrupt();
            }
            long since = reachingSince;
            if (since != 0 && pipeline.now() - since > metadataNanos) {
                sender.interrupt();
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return !sender.isAlive();
    }

    /** Ends the sender where it stands. What it holds is given up. */
    void abort() {
        aborted = true;
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
    }

    /** Makes ready for another run, after the last has ended. */
    synchronized void reset() {
        thread = null;
        aborted = false;
        replayTimeIsUp = false;
        batchLeft = 0;
        replaying = pipeline.store() != null;
        started = false;
    }

    private synchronized void start() {
        if (started) {
            return;
        }
        Thread sender = new Thread(this, "kafka-backpressure-sender-" + pipeline.name());
        sender.setDaemon(true);
        thread = sender;
        started = true;
        sender.start();
    }

    private synchronized @Nullable Thread current() {
        return thread;
    }
}
