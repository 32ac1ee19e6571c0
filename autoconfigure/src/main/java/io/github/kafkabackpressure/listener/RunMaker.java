package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.listener.consume.BrokerFacts;
import io.github.kafkabackpressure.listener.handle.Acknowledging;
import java.time.Duration;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.springframework.core.log.LogAccessor;

/**
 * Makes the runs of a container, refuses settings that no run can honour, and says in the log what a run is going to do.
 *
 * <p>Threading: the thread that starts the container, under its lock.
 */
final class RunMaker {

    /** How much longer than the drain a stop may take: the last commit, and leaving the group. */
    private static final Duration STOP_MARGIN = Duration.ofSeconds(5);

    private final ContainerParts parts;

    private final ConsumerMaker<?, ?> consumers;

    private final ContainerOverload overload;

    private final Acknowledging acknowledging;

    private final boolean virtualThreads;

    private final UnaryOperator<String> settingNames;

    private final ListenerStats stats;

    /** Makes what measures a run. */
    private final Supplier<? extends ListenerMetrics> metrics;

    RunMaker(
            ContainerParts parts,
            ConsumerMaker<?, ?> consumers,
            ContainerOverload overload,
            Acknowledging acknowledging,
            boolean virtualThreads,
            UnaryOperator<String> settingNames,
            ListenerStats stats,
            Supplier<? extends ListenerMetrics> metrics) {
        this.parts = parts;
        this.consumers = consumers;
        this.overload = overload;
        this.acknowledging = acknowledging;
        this.virtualThreads = virtualThreads;
        this.settingNames = settingNames;
        this.stats = stats;
        this.metrics = metrics;
    }

    /** How long a stop may take, in milliseconds. */
    static long stopMillis(ListenerOptions options) {
        return options.drainTimeout().plus(STOP_MARGIN).toMillis();
    }

    /**
     * Makes a run.
     *
     * @param threadName what the names of its workers begin with
     */
    ContainerRun make(ListenerOptions options, String threadName) {
        ListenerChecks.check(parts, options);
        OverloadRules.check(parts, options);
        Executor executor = WorkerThreads.named(
                threadName, virtualThreads, parts.container().getGroupId());
        ContainerRun made = new ContainerRun(
                options,
                consumers.pollSize(options),
                executor,
                run -> ListenerTargets.invoker(parts, run, acknowledging),
                stats,
                System::nanoTime,
                overload.signs(stats, options),
                overload.answers(stats, executor));
        ListenerMetrics told = GuardedMetrics.of(metrics.get());
        stats.tell(told);
        made.whenClosed(told::close);
        if (options.rememberProgress()) {
            BrokerFacts broker = new BrokerFacts(parts::admin, options.offsetMetadataMaxBytes(), System::nanoTime);
            made.whenClosed(broker::close);
            made.facts = broker;
        }
        return made;
    }

    /** Says what a run is going to do. */
    void report(ContainerRun run, ListenerOptions options, LogAccessor log) {
        String polls = consumers.describePolls(run.run.room.kafkasPollSize);
        StartReport.log(
                log,
                parts.id(),
                options,
                virtualThreads,
                polls,
                settingNames,
                STOP_MARGIN,
                parts.context().get());
        StartWarnings.of(
                        options,
                        consumers.maxPollInterval(),
                        settingNames,
                        parts.context().get())
                .forEach(warning -> log.warn(() -> "listener '" + parts.id() + "': " + warning));
        stats.started(polls);
    }
}
