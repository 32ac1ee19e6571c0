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
import org.apache.commons.logging.LogFactory;
import org.jspecify.annotations.Nullable;
import org.springframework.core.log.LogAccessor;

/**
 * Writes dropped records to the topic {@code dropped-to}. A record is over when the broker has acknowledged it there; one
 * that cannot be written is tried again for as long as its partition is here.
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

    private final Deque<Sending> queue = new ConcurrentLinkedDeque<>();

    /** Whether a thread writes, or a time is set for one to begin. */
    private final AtomicBoolean busy = new AtomicBoolean();

    /** Whether the last attempt failed. */
    private final AtomicBoolean failing = new AtomicBoolean();

    /** Whether a failure was logged of which no end was; one record that is refused for ever must not fill the log. */
    private final AtomicBoolean told = new AtomicBoolean();

    private volatile long toldAt = System.nanoTime() - QUIET_NANOS;

    private volatile boolean waits;

    public DroppedSender(Outcome outcome, Target target, Executor executor, @Nullable String topic) {
        this.outcome = outcome;
        this.topic = topic;
        this.target = target;
        this.executor = executor;
    }

    /** Whether the topic could not be written last. */
    boolean isFailing() {
        return failing.get();
    }

    public void send(QueuedRecord record, DropReason reason) {
        queue.add(new Sending(record, reason));
        start();
    }

    /** Gives up what has not been begun of a partition that goes away. */
    public void forget(RecordOrigin origin) {
        for (Sending sending : List.copyOf(queue)) {
            if (sending.record.task.partition == origin && queue.remove(sending)) {
                outcome.notSent(sending.record);
            }
        }
    }

    private void start() {
        if (!waits && busy.compareAndSet(false, true)) {
            try {
                executor.execute(this::writeAll);
            } catch (RejectedExecutionException e) {
                busy.set(false); // the listener has stopped: the records come again
            }
        }
    }

    private void writeAll() {
        boolean goesOn = true;
        for (Sending next = queue.poll(); next != null && goesOn; next = goesOn ? queue.poll() : null) {
            goesOn = write(next);
        }
        busy.set(false);
        if (goesOn && !queue.isEmpty()) {
            start(); // one that came after the look above saw this thread
        }
    }

    /** False if it is of no use to try the next one now. */
    private boolean write(Sending sending) {
        QueuedRecord record = sending.record;
        if (record.task.isOver()) {
            outcome.notSent(record);
            return true;
        }
        try {
            target.write(record, sending.reason).whenComplete((written, failure) -> {
                if (failure == null) {
                    outcome.sent(record, sending.reason);
                    succeeded();
                } else {
                    failed(sending, failure);
                }
            });
            return !waits;
        } catch (RuntimeException e) {
            failed(sending, e);
            return false;
        }
    }

    private void succeeded() {
        if (failing.get() && failing.compareAndSet(true, false)) {
            outcome.wakeConsumers();
            if (told.compareAndSet(true, false)) {
                LOG.info(() -> "The topic of dropped records, " + topic + ", can be written again");
            }
        }
    }

    private void failed(Sending sending, Throwable failure) {
        failing.set(true);
        long now = System.nanoTime();
        if (now - toldAt >= QUIET_NANOS && told.compareAndSet(false, true)) {
            toldAt = now;
            LOG.error(
                    failure,
                    () -> "The topic of dropped records, " + topic
                            + ", cannot be written. They are kept, and the listener is paused until they can be written.");
        }
        queue.addFirst(sending);
        waits = true;
        CompletableFuture.delayedExecutor(RETRY_MILLIS, TimeUnit.MILLISECONDS, executor)
                .execute(() -> {
                    waits = false;
                    start();
                });
    }
}
