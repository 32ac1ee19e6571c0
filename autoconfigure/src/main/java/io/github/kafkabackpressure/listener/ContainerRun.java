package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.listener.consume.ConsumerSide;
import io.github.kafkabackpressure.listener.consume.GroupFacts;
import io.github.kafkabackpressure.listener.handle.Invoker;
import io.github.kafkabackpressure.listener.handle.LaneTaskHandler;
import io.github.kafkabackpressure.listener.handle.WorkerWaits;
import io.github.kafkabackpressure.listener.overload.Overload;
import io.github.kafkabackpressure.listener.task.ListenerRun;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * One run of a container, from start to stop, put together: what its consumers and its workers share, what each side has
 * of its own, and what tells of it.
 *
 * <p>Threading: any thread.
 */
final class ContainerRun {

    /** Makes what answers overload. */
    interface Overloads {

        /** Null if nothing but pauses does. */
        @Nullable Overload create(ContainerRun run);
    }

    final ListenerRun run;

    final ConsumerSide side;

    /** What has been going on lately. */
    final RecentActivity activity;

    /** What the brokers say that commits go by; null if they need not. Set before the run's consumers are made. */
    @Nullable GroupFacts facts;

    private final Executor executor;

    private final LoadSigns signs;

    private final @Nullable Overload overload;

    private final CompletableFuture<@Nullable Void> closed = new CompletableFuture<>();

    ContainerRun(
            ListenerOptions options,
            int pollSize,
            Executor executor,
            Function<ListenerRun, ? extends Invoker> invokers,
            ListenerMetrics metrics,
            LongSupplier nanoTime) {
        this(
                options,
                pollSize,
                executor,
                invokers,
                new ListenerStats(metrics),
                nanoTime,
                LoadSigns.none(),
                run -> null);
    }

    /**
     * Puts a run together.
     *
     * @param pollSize the most records that a poll of one consumer may bring
     * @param executor where workers come from
     * @param invokers makes what workers do with a record
     * @param signs what is told of the load
     */
    ContainerRun(
            ListenerOptions options,
            int pollSize,
            Executor executor,
            Function<ListenerRun, ? extends Invoker> invokers,
            ListenerStats stats,
            LongSupplier nanoTime,
            LoadSigns signs,
            Overloads overloads) {
        this.executor = executor;
        this.signs = signs;
        this.run = new ListenerRun(
                options.ofRun(),
                pollSize,
                executor,
                starting -> new LaneTaskHandler(starting, invokers.apply(starting)),
                stats,
                nanoTime);
        this.activity = new RecentActivity(run, stats);
        this.overload = overloads.create(this);
        this.side = new ConsumerSide(run, overload, signs, activity::tick);
    }

    /**
     * Takes in other limits while it goes on.
     *
     * @param pollSize the most records that a poll of one consumer may bring now
     */
    void change(ListenerOptions changed, int pollSize) {
        run.change(changed.ofRun(), pollSize);
    }

    /** Waits, looking now and then, until nothing is in flight; an interrupt ends it and stays set. */
    boolean awaitNothingInFlight(Duration timeout) {
        WorkerWaits.sleepInStepsWhile(() -> run.limit.inFlight() > 0, timeout, run.nanoTime);
        return run.limit.inFlight() == 0;
    }

    /** Ends the workers; those that still handle a record are interrupted. */
    void close() {
        run.workers.close();
        if (overload != null) {
            overload.close();
        }
        signs.end();
        if (executor instanceof ExecutorService service) {
            service.shutdownNow();
        }
        closed.complete(null);
    }

    /** Runs something once {@link #close} is done: at once if it is. */
    @SuppressWarnings("FutureReturnValueIgnored") // an action that throws is nobody else's
    void whenClosed(Runnable action) {
        closed.whenComplete((nothing, failure) -> action.run());
    }
}
