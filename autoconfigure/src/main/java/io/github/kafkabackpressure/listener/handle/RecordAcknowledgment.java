package io.github.kafkabackpressure.listener.handle;

import io.github.kafkabackpressure.listener.task.RecordOrigin;
import io.micrometer.observation.Observation;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.springframework.kafka.listener.ListenerExecutionFailedException;
import org.springframework.kafka.support.Acknowledgment;

/**
 * The end of one attempt at a record that does not end when the user's method returns: by {@code acknowledge()} or
 * {@code nack()} of the user, or of spring-kafka's adapter when an asynchronous result is there. The first signal
 * counts.
 *
 * <p>Threading: any thread signals; the worker of the attempt says what is to follow.
 */
public class RecordAcknowledgment implements Acknowledgment {

    /** How an attempt ended. */
    public sealed interface Signal {

        /** The record is done. */
        enum Done implements Signal {
            DONE
        }

        /**
         * The attempt failed.
         *
         * @param observation the attempt's, which what follows from the failure belongs to as well
         */
        record Failed(RuntimeException exception, @Nullable Observation observation) implements Signal {}

        /**
         * The user wants the record again after a time, or the records of a batch from one on.
         *
         * @param index of the first record that is to come again; 0 for a single record
         */
        record Nacked(int index, Duration sleep) implements Signal {}

        /** Nobody said so until the record's partition was taken away or sought: its next owner handles it again. */
        enum GivenUp implements Signal {
            GIVEN_UP
        }
    }

    /** The attempt at whose result spring-kafka's adapter is, on its thread. */
    private static final ThreadLocal<RecordAcknowledgment> CURRENT = new ThreadLocal<>();

    /** Null while the method runs and nothing is known; then a signal, or what awaits one. */
    private final AtomicReference<@Nullable Object> state = new AtomicReference<>();

    /** What a failed asynchronous result ends the attempt with; null where the end is not a result. */
    private final @Nullable Function<Exception, Signal.Failed> ofResult;

    /**
     * What is still to come of an attempt that ends by results: each of them, and the end of the method, which may be
     * called for several.
     */
    private final AtomicInteger pending = new AtomicInteger(1);

    /** Whether the method that was called of several is one that acknowledges; used by the attempt's thread only. */
    private boolean byAcknowledgment;

    /** Whether the adapter has acknowledged a failed result. */
    private volatile boolean failureAcknowledged;

    /** Whether the method that was called gets no acknowledgment; used by the attempt's thread only. */
    private boolean byReturn;

    /** What limits the wait for an asynchronous result; null if nothing does. */
    private volatile @Nullable CompletableFuture<Void> timer;

    /** What is to be forgotten once the signal is there. */
    private volatile @Nullable Runnable cleanUp;

    /** Makes the end of an attempt that somebody acknowledges. */
    public RecordAcknowledgment() {
        this(null);
    }

    /**
     * Makes the end of an attempt.
     *
     * @param ofResult what a failed result ends the attempt with, where spring-kafka's adapter gives an asynchronous
     *     result and acknowledges it
     */
    public RecordAcknowledgment(@Nullable Function<Exception, Signal.Failed> ofResult) {
        this.ofResult = ofResult;
    }

    /** Whether the attempt ends by asynchronous results, and not by an acknowledgment that its method was given. */
    final boolean isByResult() {
        return ofResult != null && !byAcknowledgment;
    }

    /** Takes in that the method that is called says itself when the attempt ends; called by the attempt's thread. */
    void expectAcknowledgment() {
        byAcknowledgment = true;
        pending.incrementAndGet(); // for good: only a signal ends it
    }

    /** Takes that back: the method has failed, or its result says so after all. */
    void expectNoAcknowledgment() {
        if (byAcknowledgment) {
            byAcknowledgment = false;
            pending.decrementAndGet(); // the end of the method is still to come
        }
    }

    /** Takes in that the method has returned a result that must be there before the attempt ends. */
    public final void expectResult() {
        pending.incrementAndGet();
    }

    /** Takes in that the method is over, and whatever the adapter calls it for. */
    public final void returned() {
        onePendingLess();
    }

    /** Takes in that a result failed and that the adapter wants the record again. */
    public final void resultFailed(Exception failure) {
        if (ofResult != null) {
            signal(ofResult.apply(failure));
        }
    }

    /**
     * Takes in that the adapter is through with a result. If it has neither reported a failure nor thrown, then whatever
     * the result was has been dealt with.
     *
     * @param failure what the result failed with
     * @param thrown what the adapter threw; nobody else sees it
     */
    public final void resultTaken(@Nullable Throwable failure, @Nullable Throwable thrown) {
        if (signal() == null) {
            if (thrown != null) {
                resultFailed(new ListenerExecutionFailedException("The reply could not be sent", thrown));
            } else if (failureAcknowledged) {
                resultFailed(new ListenerExecutionFailedException(
                        "An asynchronous result failed, and what the listener's error handler threw is in the log",
                        failure));
            }
        }
        onePendingLess();
    }

    /** The attempt at whose result the adapter is on this thread; null if it is at none. */
    public static @Nullable RecordAcknowledgment current() {
        return CURRENT.get();
    }

    /** Lets the adapter take a result in, which is then said to be this attempt's. */
    final void takeResult(Runnable taking, @Nullable Throwable failure) {
        RecordAcknowledgment before = CURRENT.get();
        CURRENT.set(this);
        Throwable thrown = null;
        try {
            taking.run();
        } catch (Throwable e) {
            thrown = e;
            throw e;
        } finally {
            if (before == null) {
                CURRENT.remove();
            } else {
                CURRENT.set(before);
            }
            resultTaken(failure, thrown);
        }
    }

    private void onePendingLess() {
        if (pending.decrementAndGet() == 0) {
            signal(Signal.Done.DONE);
        }
    }

    /** Sets what is to be called when the signal is there; if it may be there already, it may be called twice. */
    void setCleanUp(Runnable cleanUp) {
        this.cleanUp = cleanUp;
        if (signal() != null) {
            cleanUp.run();
        }
    }

    /**
     * Sets what ends the attempt if the work in a partition is over before anyone has acknowledged; after its method has
     * returned.
     *
     * @param end called by any thread, and maybe twice
     */
    void endWith(Set<RecordOrigin> partitions, Runnable end) {
        partitions.forEach(partition -> partition.addUnacknowledged(end));
        setCleanUp(() -> partitions.forEach(partition -> partition.removeUnacknowledged(end)));
    }

    /** Lets the attempt end with the return of its method, as that gets no acknowledgment; called by its thread. */
    void endByReturn() {
        byReturn = true;
    }

    /** Acknowledges the attempt, whose method has just returned, if that was all it takes. */
    void endIfByReturn() {
        if (byReturn) {
            signal(Signal.Done.DONE);
        }
    }

    /** Ends the attempt for want of a signal. */
    public void giveUp() {
        signal(Signal.GivenUp.GIVEN_UP);
    }

    /** Fails the attempt unless there is a signal within a time. */
    void failAfter(Duration timeout, Supplier<RuntimeException> failure) {
        CompletableFuture<Void> limit = new CompletableFuture<>();
        timer = limit.orTimeout(timeout.toMillis(), TimeUnit.MILLISECONDS);
        var unused = limit.exceptionally(timedOut -> {
            failed(failure.get(), null);
            return null;
        });
        if (signal() != null) {
            limit.complete(null); // it came before it could see the timer
        }
    }

    @Override
    public void acknowledge() {
        boolean atResult = ofResult != null && CURRENT.get() == this;
        if (ofResult != null && isCalledForAFailure()) {
            failureAcknowledged = true;
            acknowledgedFailure(atResult);
        } else if (!atResult) {
            signal(Signal.Done.DONE);
        } // else the result is taken in a moment, and with it the attempt may be over
    }

    /**
     * Takes in that the adapter acknowledged a failed result. Here the failure itself follows, by its callback.
     *
     * @param isWatched whether {@link #resultTaken} follows
     */
    void acknowledgedFailure(boolean isWatched) {}

    @Override
    public void nack(Duration sleep) {
        nacked(0, sleep);
    }

    /** Takes in that records are to come again. */
    final void nacked(int index, Duration sleep) {
        if (sleep.isNegative()) {
            throw new IllegalArgumentException("the time until the next attempt must not be negative: " + sleep);
        }
        signal(new Signal.Nacked(index, sleep));
    }

    @Override
    public boolean isOutOfOrderCommit() {
        return true;
    }

    /**
     * The adapter acknowledges a failed result before it reports the failure, and its acknowledgement looks like that
     * of a good one. Only who calls tells them apart; results that come later are few enough a second to look. An error
     * handler of the user's, which the adapter asks before, may acknowledge as well and means it.
     */
    private static boolean isCalledForAFailure() {
        return StackWalker.getInstance()
                .walk(frames -> frames.dropWhile(
                                frame -> frame.getClassName().equals(RecordAcknowledgment.class.getName()))
                        .limit(2)
                        .map(frame -> frame.getClassName().startsWith("org.springframework.kafka.listener.adapter.")
                                ? frame.getMethodName()
                                : "")
                        .toList()
                        .equals(List.of("acknowledge", "asyncFailure")));
    }

    public void failed(RuntimeException exception, @Nullable Observation observation) {
        signal(new Signal.Failed(exception, observation));
    }

    @SuppressWarnings("unchecked")
    private void signal(Signal signal) {
        while (true) {
            Object now = state.get();
            if (now instanceof Signal) {
                return;
            }
            if (state.compareAndSet(now, signal)) {
                release();
                if (now instanceof Thread waiting) {
                    LockSupport.unpark(waiting);
                } else if (now != null) {
                    ((Consumer<Signal>) now).accept(signal);
                }
                return;
            }
        }
    }

    private void release() {
        CompletableFuture<Void> limit = timer;
        if (limit != null) {
            limit.complete(null);
        }
        Runnable toForget = cleanUp;
        if (toForget != null) {
            toForget.run();
        }
    }

    /** The signal, or null if there is none so far. */
    public @Nullable Signal signal() {
        return state.get() instanceof Signal signal ? signal : null;
    }

    /**
     * Leaves the rest to whoever signals.
     *
     * @param continuation called once with the signal, on the signalling thread
     * @return false if the signal is there already; the continuation is not called then
     */
    public boolean whenSignalled(Consumer<Signal> continuation) {
        return state.compareAndSet(null, continuation);
    }

    /** Waits for the signal; null if the thread is interrupted first, which it then still is, and may wait again. */
    public @Nullable Signal await() {
        if (state.compareAndSet(null, Thread.currentThread()) || state.get() == Thread.currentThread()) {
            while (signal() == null && !Thread.currentThread().isInterrupted()) {
                LockSupport.park(this);
            }
        }
        return signal();
    }
}
