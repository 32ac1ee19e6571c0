package io.github.kafkabackpressure.producer;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.github.kafkabackpressure.BufferState;
import io.github.kafkabackpressure.buffer.BoundedBuffer;
import io.github.kafkabackpressure.buffer.InFlightWindow;
import io.github.kafkabackpressure.producer.spool.UndeliveredStore;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.apache.kafka.clients.producer.BufferExhaustedException;
import org.apache.kafka.common.errors.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * Empties a pipeline's buffer into Kafka's producer. Its thread is started by the first record that waits and ends when
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

    /** A hand-over that failed after so long waited for metadata, not for memory. */
    private static final long LONG_HAND_OVER_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    /** The share of the time for the hand-over that may be spent on the metadata of one topic. */
    private static final double METADATA_SHARE = 1 / 3.0;

    /** The share of the time for the hand-over that may be spent on what an earlier shutdown left. */
    private static final double REPLAY_SHARE = 2 / 3.0;

    private static final long SHUTDOWN_LOOK_MILLIS = 20;
    private static final long ABORT_MILLIS = 500;

    private final SendPipeline<K, V> pipeline;
    private final SendCompletion<K, V> completion;
    private final BoundedBuffer<PendingSend<K, V>> buffer;
    private final InFlightWindow window;
    private final int placesWorthAWakeUp;

    /** What was taken and is being handed over; whoever takes it from here sees to what is left of it. */
    private final AtomicReference<@Nullable List<PendingSend<K, V>>> inHand = new AtomicReference<>();

    /** How many of these are handed over. */
    private final AtomicInteger handedOver = new AtomicInteger();

    // The sender's own.
    private final Set<String> reachable = new HashSet<>();

    /** Until when a hand-over waited in vain for a topic: what was accepted before that has waited enough, too. */
    private final Map<String, Long> unreachable = new HashMap<>();

    /** What is left of the batch that is leaving. */
    private int batchLeft;

    @GuardedBy("this") private @Nullable Thread thread;

    /** Since when a first hand-over to a topic has been running. */
    @GuardedBy("this") private long reachingSince;

    @GuardedBy("this") private boolean reaching;

    private volatile boolean started;

    /** Written under the lock, so that an interrupt meant for the replay cannot reach what comes after it. */
    private volatile boolean replaying;

    /** Set by a shutdown that has waited long enough for the replay; nothing is offered any more when it is. */
    private volatile boolean replayTimeIsUp;

    private volatile boolean idle;
    private volatile boolean aborted;

    /** While idle: how many records must wait before it is worth a wake-up. */
    private volatile int wakeAt = 1;

    /** While places are awaited: how many must have been given back for a wake-up. */
    private volatile long wakeAtReleased = Long.MAX_VALUE;

    Sender(SendPipeline<K, V> pipeline) {
        this.pipeline = pipeline;
        this.completion = pipeline.completion();
        this.buffer = pipeline.buffer();
        this.window = pipeline.window();
        this.placesWorthAWakeUp = Math.max(1, Math.min(window.limit() / 4, 1024));
        this.replaying = pipeline.store() != null;
    }

    @Override
    public void run() {
        try {
            if (!replay()) {
                keepAllForTheNextStart();
                return;
            }
            while (!aborted && step()) {
                pipeline.changes().tell();
            }
        } catch (RuntimeException | Error e) {
            logger.error("The sender of '" + pipeline.name() + "' ended unexpectedly; the next send starts another", e);
            failHand(e);
            started = false;
        } finally {
            pipeline.changes().tell();
        }
    }

    /** Says whether newer records may follow. */
    private boolean replay() {
        UndeliveredStore<K, V> store = pipeline.store();
        boolean newerMayFollow = store == null || !replaying || store.replay(() -> !aborted && !replayTimeIsUp);
        synchronized (this) {
            replaying = false;
            if (!aborted) {
                Thread.interrupted();
            }
        }
        return newerMayFollow;
    }

    /** What waits is newer than what was left: it must not be sent before that. */
    private void keepAllForTheNextStart() {
        List<PendingSend<K, V>> newer = new ArrayList<>();
        buffer.take(newer, Integer.MAX_VALUE);
        newer.forEach(completion::giveUp);
        buffer.handedOver(newer.size());
    }

    /** One look at the buffer; says whether there will be another. */
    private boolean step() {
        long now = pipeline.now();
        pipeline.stepSlowMode(now);
        if (batchLeft == 0) {
            int batchSize = pipeline.batchSize();
            boolean closed = pipeline.closed(); // asked before the buffer, which takes in nothing any more then
            long untilDue = buffer.nanosUntilDue(batchSize, pipeline.lingerNanos(), now);
            if (untilDue == Long.MAX_VALUE && closed) {
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
        List<PendingSend<K, V>> hand = new ArrayList<>(places);
        int taken = buffer.take(hand, places);
        window.release(places - taken);
        batchLeft = taken < places ? 0 : batchLeft - taken;
        handOver(hand);
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

    private void handOver(List<PendingSend<K, V>> hand) {
        handedOver.set(0);
        inHand.set(hand);
        int done = 0;
        while (done < hand.size() && !aborted) {
            handOver(hand.get(done));
            handedOver.lazySet(++done);
            // An interrupt from within a hand-over was meant for that, at most; the next must not end at once.
            Thread.interrupted();
        }
        if (inHand.compareAndSet(hand, null)) {
            giveUp(hand, done);
        }
    }

    private void failHand(Throwable cause) {
        List<PendingSend<K, V>> hand = inHand.getAndSet(null);
        if (hand == null) {
            return;
        }
        for (PendingSend<K, V> send : hand.subList(handedOver.get(), hand.size())) {
            send.inFlight = true;
            completion.completed(send, null, new IllegalStateException("The sender ended unexpectedly", cause));
        }
        buffer.handedOver(hand.size());
    }

    private void giveUp(List<PendingSend<K, V>> hand, int from) {
        List<PendingSend<K, V>> rest = hand.subList(from, hand.size());
        window.release(rest.size());
        rest.forEach(completion::giveUp);
        buffer.handedOver(hand.size());
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
            completion.completed(
                    send,
                    null,
                    new TimeoutException("Topic " + topic + " could not be reached for an earlier record, for which"
                            + " this one has waited"));
            return;
        }
        long before = pipeline.now();
        reaches(before);
        boolean cutShort = true;
        try {
            pipeline.handOver(send);
        } finally {
            cutShort = reached();
        }
        long after = pipeline.now();
        Exception failure = send.failure;
        // Kafka's memory is waited for as long as metadata; any other failure is that of the record alone.
        boolean timedOut = failure instanceof TimeoutException && !(failure instanceof BufferExhaustedException);
        if (failure != null && (cutShort || (timedOut && after - before >= LONG_HAND_OVER_NANOS))) {
            unreachable.put(topic, after);
        } else if (failure == null) {
            unreachable.remove(topic);
            reachable.add(topic);
        }
    }

    private synchronized void reaches(long now) {
        reaching = true;
        reachingSince = now;
    }

    /** Says whether a shutdown has cut it short. Its interrupt ends here: the next hand-over must not end at once. */
    private synchronized boolean reached() {
        reaching = false;
        return Thread.interrupted();
    }

    private void rest(long untilDue, int batchSize) {
        boolean empty = untilDue == Long.MAX_VALUE;
        wakeAt = empty ? 1 : batchSize;
        idle = true;
        // Looked at again after the flag is up: what was offered before it is seen here, what is offered after it
        // wakes.
        long again = buffer.nanosUntilDue(batchSize, pipeline.lingerNanos(), pipeline.now());
        boolean stillEmpty = again == Long.MAX_VALUE;
        // And so is the flag: the buffer's lock may have used up the wake-up.
        if (again > 0 && stillEmpty == empty && !aborted && idle && !(empty && pipeline.closed())) {
            if (empty) {
                LockSupport.park(this);
            } else {
                LockSupport.parkNanos(this, again);
            }
        }
        idle = false;
        // Whoever interrupts has said by a field what for; the flag would keep the next rest from being one.
        Thread.interrupted();
    }

    private void awaitPlace() {
        wakeAtReleased = window.releasedWhenFree(placesWorthAWakeUp);
        if (window.free() <= 0 && !pipeline.closed() && !aborted) {
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
     * Waits until the sender has handed everything over and ended, or the deadline. A topic that is out of reach is
     * given up after a while, so that it does not take the others down with it.
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
        long metadataNanos = (long) ((deadlineNanos - begun) * METADATA_SHARE);
        long replayNanos = (long) ((deadlineNanos - begun) * REPLAY_SHARE);
        boolean interrupted = false;
        while (sender.isAlive() && pipeline.now() - deadlineNanos < 0) {
            try {
                sender.join(SHUTDOWN_LOOK_MILLIS);
            } catch (InterruptedException e) {
                interrupted = true;
            }
            cutShort(sender, begun + replayNanos, metadataNanos);
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return !sender.isAlive();
    }

    /** Interrupts what takes more than its share of a shutdown, and nothing else: hence under the lock. */
    private synchronized void cutShort(Thread sender, long replayDeadlineNanos, long metadataNanos) {
        long now = pipeline.now();
        if (replaying && !replayTimeIsUp && now - replayDeadlineNanos > 0) {
            replayTimeIsUp = true;
            sender.interrupt();
        } else if (reaching && now - reachingSince > metadataNanos) {
            sender.interrupt();
        }
    }

    /** Ends the sender where it stands, for good. What it holds is given up, also if it hangs. */
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
        List<PendingSend<K, V>> hand = inHand.getAndSet(null);
        if (hand != null) {
            giveUpBehind(hand, handedOver.get());
        }
    }

    private void giveUpBehind(List<PendingSend<K, V>> hand, int hanging) {
        if (hanging < hand.size()) {
            PendingSend<K, V> send = hand.get(hanging);
            logger.error("The hand-over of a record to topic " + send.record.topic() + " by '" + pipeline.name()
                    + "' hangs and does not end when it is interrupted");
            // What hangs in a serializer would hang there again when it was to be kept.
            send.keepable = false;
            completion.giveUp(send);
        }
        giveUp(hand, Math.min(hanging + 1, hand.size()));
    }

    private synchronized void start() {
        if (started) {
            return;
        }
        Thread sender = new Thread(this, "kafka-backpressure-sender-" + pipeline.name());
        sender.setDaemon(true);
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
