package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.listener.consume.ConsumerSide;
import io.github.kafkabackpressure.listener.handle.Invoker;
import io.github.kafkabackpressure.listener.task.ListenerRun;
import java.util.concurrent.Executor;
import java.util.function.Function;
import java.util.function.LongSupplier;

/** What consumers and workers of one start share, for tests of either side, without a container. */
public final class TestRun {

    public final ListenerRun run;

    public final ConsumerSide side;

    public TestRun(
            ListenerOptions options,
            int pollSize,
            Executor executor,
            Function<ListenerRun, ? extends Invoker> invokers,
            LongSupplier nanoTime) {
        this(options, pollSize, executor, invokers, ListenerMetrics.NOOP, nanoTime);
    }

    /** @param metrics whom to tell besides */
    public TestRun(
            ListenerOptions options,
            int pollSize,
            Executor executor,
            Function<ListenerRun, ? extends Invoker> invokers,
            ListenerMetrics metrics,
            LongSupplier nanoTime) {
        ContainerRun container = new ContainerRun(options, pollSize, executor, invokers, metrics, nanoTime);
        this.run = container.run;
        this.side = container.side;
    }
}
