package io.github.kafkabackpressure.listener.overload;

import io.github.kafkabackpressure.DropReason;
import io.github.kafkabackpressure.listener.task.RecordOrigin;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import org.apache.commons.logging.LogFactory;
import org.jspecify.annotations.Nullable;
import org.springframework.core.log.LogAccessor;

/**
 * Writes dropped records to the topic {@code dropped-to}. A record is over when the broker has acknowledged it there; one
 * that cannot be written, whatever was thrown, is tried again for as long as its partition is here.
 *
 * <p>Threading: any thread. One thread at a time hands records to Kafka's producer, as that may block for want of
 * metadata or memory; it ends when there are none.
 */
public final class DroppedSender {

    /** Writes a dropped record. */
    public interface Target {

        /** Starts to write; may block. The stage ends when the broker has acknowledged the record. */
        CompletionStage<?> write(QueuedRecord record, DropReason reason);
    }

    /** Hears what has become of dropped records. */
    interface Outcome {

        /** Takes in that a dropped record is where dropped records go. Called by any thread. */
        void sent(QueuedRecord record, DropReason reason);

        /** Takes in that a dropped record was not sent, as its partition is gone. Called by any thread. */
        void notSent(QueuedRecord record);

        /** Lets the consumers look whether they may go on. Called by any thread. */
        void wakeConsumers();
    }

    private record Sending(QueuedRecord record, DropReason reason) {}

    private static final long RETRY_MILLIS = 500;

    /** Failures are logged no more often. */
    private static final long QUIET_NANOS = TimeUnit.MINUTES.toNanos(1);

    private static final LogAccessor LOG = new LogAccessor(LogFactory.getLog(DroppedSender.class));

    private final Outcome outcome;

    private final Target target;

    private final Executor executor;

    private final @Nullable String topic;

    /** Runs something after {@link #RETRY_MILLIS}, on a thread that must not be held up. */
    private final Executor later;

    private final Deque<Sending> queue = new ConcurrentLinkedDeque<>();

    /** How many are neither where dropped records go nor given up. */
    private final AtomicInteger unfinished = new AtomicInteger();

    /** Whether a thread writes, or has been asked to. */
    private final AtomicBoolean busy = new AtomicBoolean();

    /** Whether a time is set for the next attempt; nothing is written before. */
    private final AtomicBoolean waits = new AtomicBoolean();

    /** Whether the last attempt failed. */
    private final AtomicBoolean failing = new AtomicBoolean();

    /** Whether a failure was logged of which no end was; one record that is refused for ever must not fill the log. */
    private final AtomicBoolean told = new AtomicBoolean();

    private volatile long toldAt = System.nanoTime() - QUIET_NANOS;

    public DroppedSender(Outcome outcome, Target target, Executor executor, @Nullable String topic) {
        // Not by the executor: what it refuses would never be tried again.
        this(
                outcome,
                target,
                executor,
                topic,
                CompletableFuture.delayedExecutor(RETRY_MILLIS, TimeUnit.MILLISECONDS, Runnable::run));
    }

    DroppedSender(Outcome outcome, Target target, Executor executor, @Nullable String topic, Executor later) {
        this.outcome = outcome;
        this.topic = topic;
        this.target = target;
        this.executor = executor;
        this.later = later;
    }

    /** Whether the topic could not be written last, and records wait for that. */
    boolean isFailing() {
        return failing.get() && unfinished.get() > 0;
    }

    public void send(QueuedRecord record, DropReason reason) {
        unfinished.incrementAndGet();
        queue.add(new Sending(record, reason));
        start();
    }

    /** Gives up what has not been begun of a partition that goes away. */
    public void forget(RecordOrigin origin) {
        giveUp(record -> record.task.partition == origin);
    }

    private void giveUp(Predicate<QueuedRecord> which) {
        for (Sending sending : List.copyOf(queue)) {
            if (which.test(sending.record) && queue.remove(sending)) {
                notSent(sending.record);
            }
        }
    }

    /** Has a thread write what there is, unless one does, or is to do so later. */
    private void start() {
        if (waits.get() || queue.isEmpty() || !busy.compareAndSet(false, true)) {
            return;
        }
        try {
            executor.execute(this::writeAll);
        } catch (RejectedExecutionException e) {
            busy.set(false);
            giveUp(record -> record.task.isOver()); // all of them where the listener has stopped: they come again
            if (!queue.isEmpty()) {
                startLater(); // the executor has no thread to spare
            }
        } catch (RuntimeException | Error e) { // a JVM that has no thread left throws an OutOfMemoryError
            failing.set(true);
            busy.set(false);
            startLater();
            tell(e);
        }
    }

    private void startLater() {
        if (waits.compareAndSet(false, true)) {
            try {
                later.execute(() -> {
                    waits.set(false);
                    start();
                });
            } catch (RuntimeException | Error e) {
                waits.set(false); // then at once, or with the next record that is dropped
                tell(e);
            }
        }
    }

    private void writeAll() {
        try {
            Sending next = queue.poll();
            while (next != null) {
                write(next);
                next = waits.get() ? null : queue.poll();
            }
        } finally {
            busy.set(false);
            start(); // whoever has added one, or rung, since the last look saw this thread
        }
    }

    private void write(Sending sending) {
        QueuedRecord record = sending.record;
        if (record.task.isOver()) {
            notSent(record);
            return;
        }
        try {
            target.write(record, sending.reason).whenComplete((written, failure) -> {
                if (failure == null) {
                    outcome.sent(record, sending.reason);
                    unfinished.decrementAndGet();
                    succeeded();
                } else {
                    failed(sending, failure);
                }
            });
        } catch (RuntimeException | Error e) { // also an Error of an interceptor's: the record must not be lost
            failed(sending, e);
        }
    }

    private void notSent(QueuedRecord record) {
        outcome.notSent(record);
        if (unfinished.decrementAndGet() == 0 && failing.compareAndSet(true, false)) {
            outcome.wakeConsumers(); // nothing is left that an attempt could be made with
        }
    }

    private void succeeded() {
        if (failing.get() && failing.compareAndSet(true, false)) {
            outcome.wakeConsumers();
        }
        if (told.get() && told.compareAndSet(true, false)) {
            LOG.info(() -> "The topic of dropped records, " + topic + ", can be written again");
        }
    }

    private void failed(Sending sending, Throwable failure) {
        failing.set(true); // first: who writes it next may succeed
        queue.addFirst(sending);
        startLater();
        tell(failure);
    }

    private void tell(Throwable failure) {
        long now = System.nanoTime();
        if (now - toldAt >= QUIET_NANOS && told.compareAndSet(false, true)) {
            toldAt = now;
            LOG.error(
                    failure,
                    () -> "The topic of dropped records, " + topic
                            + ", cannot be written. They are kept, and the listener is paused until they can be written.");
        }
    }
}
