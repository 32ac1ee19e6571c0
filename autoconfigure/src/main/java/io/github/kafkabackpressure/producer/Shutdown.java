package io.github.kafkabackpressure.producer;

import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;

/**
 * One shutdown of the sending half: intake, buffer and Kafka's producers are emptied in this order, within a time; what
 * is left then is ended. Each step is made although one before it failed.
 *
 * <p>Threading: made by the thread that stops the context, which waits for the one that runs it. That may be a thread of
 * Kafka's, or the sender, in a callback: what cannot be done while it waits is not waited for.
 */
final class Shutdown {

    private static final Log logger = LogFactory.getLog(Shutdown.class);

    /** The rest of the time is for the acknowledgements, also when one hand-over hangs. */
    private static final double HAND_OVER_SHARE = 3 / 4.0;

    /** How long after a flush the next one follows, at first and at last. */
    private static final long NEXT_FLUSH_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

    private static final long LAST_FLUSH_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    /** How long the threads of producers that are closed may take; foreign code runs on them. */
    private static final long CLOSE_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    private final List<? extends SendPipeline<?, ?>> pipelines;
    private final Supplier<? extends Collection<LiveProducer>> live;
    private final Duration timeout;
    private final Thread waiting = Thread.currentThread();

    // Written by the thread that runs it, read by the one that has waited for that.

    /** How many producers there were at the last flush. */
    private int producers;

    private Map<LiveProducer, String> unflushed = new HashMap<>();

    /** @param live asked after the hand-over, which may have opened a producer */
    Shutdown(
            List<? extends SendPipeline<?, ?>> pipelines,
            Supplier<? extends Collection<LiveProducer>> live,
            Duration timeout) {
        this.pipelines = pipelines;
        this.live = live;
        this.timeout = timeout;
    }

    /**
     * Returns within the time, and a little. Runs on a thread of its own: an interrupt of the caller's must not shorten
     * it, as losing records is not a way to hurry, and must not reach Kafka's locks and waits in it.
     */
    ProducerFlushReport run() {
        FutureTask<ProducerFlushReport> shutdown = new FutureTask<>(this::flushAndReport);
        OwnThread.start("shutdown", shutdown);
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return shutdown.get();
                } catch (InterruptedException e) {
                    interrupted = true;
                } catch (ExecutionException e) {
                    throw new IllegalStateException("The flush of Kafka's producers failed", e.getCause());
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** The producers that were not flushed in time; known after {@link #run()}. */
    Set<LiveProducer> unflushed() {
        return unflushed.keySet();
    }

    private ProducerFlushReport flushAndReport() {
        long started = System.nanoTime();
        long deadline = started + timeout.toNanos();
        each(SendPipeline::closeIntake);
        step(() -> awaitHandedOver(started + (long) (timeout.toNanos() * HAND_OVER_SHARE)));
        step(() -> unflushed = flush(deadline));
        if (!unflushed.isEmpty() || !allIdle()) {
            each(SendPipeline::beginGivingUp);
            step(this::closeUnflushed);
        }
        String why = why(Duration.ofNanos(System.nanoTime() - started));
        each(pipeline -> pipeline.endUndelivered(why));
        return report(Duration.ofNanos(System.nanoTime() - started));
    }

    private void each(Consumer<SendPipeline<?, ?>> step) {
        pipelines.forEach(pipeline -> step(() -> step.accept(pipeline)));
    }

    private static void step(Runnable step) {
        try {
            step.run();
        } catch (Throwable e) {
            logger.error("A step of the flush of Kafka's producers failed; the others follow", e);
        }
    }

    private String why(Duration took) {
        if (isNeeded()) {
            return "it was closed by a thread of the producer itself, which cannot send while it waits";
        }
        String reasons = unflushed.isEmpty()
                ? "Kafka's producer could not take it in time"
                : unflushed.values().stream().distinct().sorted().collect(Collectors.joining(", "));
        return "after " + took.toMillis() + " ms, with a flush-timeout of " + timeout + ": " + reasons;
    }

    /** Whether a template needs the thread that waits for this. */
    private boolean isNeeded() {
        return pipelines.stream().anyMatch(pipeline -> pipeline.needs(waiting));
    }

    /** All at once: one whose hand-over hangs must not use up the time of the others. */
    private void awaitHandedOver(long deadline) {
        List<FutureTask<Boolean>> waits = pipelines.stream()
                .filter(pipeline -> !pipeline.needs(waiting))
                .map(pipeline -> new FutureTask<>(() -> pipeline.awaitHandedOver(deadline)))
                .toList();
        waits.forEach(wait -> OwnThread.start("hand-over", wait));
        for (FutureTask<Boolean> wait : waits) {
            try {
                wait.get();
            } catch (ExecutionException e) {
                logger.error("The wait for a hand-over failed", e.getCause());
            } catch (InterruptedException e) {
                throw new IllegalStateException("Nobody interrupts this thread", e);
            }
        }
    }

    /**
     * Again and again: a caller that passed the intake just before it closed may hand over after a first flush, and to a
     * producer that it has yet to open.
     */
    private Map<LiveProducer, String> flush(long deadline) {
        long pause = NEXT_FLUSH_NANOS;
        while (true) {
            Collection<LiveProducer> open = live.get();
            producers = open.size();
            Map<LiveProducer, String> blocked = new HashMap<>();
            open.stream()
                    .filter(producer -> producer.isServedBy(waiting))
                    .forEach(producer -> blocked.put(producer, "the context was closed by its own thread"));
            Map<LiveProducer, String> left = new ProducerFlush(open.stream()
                            .filter(producer -> !blocked.containsKey(producer))
                            .toList())
                    .await(deadline, System::nanoTime);
            left.putAll(blocked);
            if (allDone()) {
                return left;
            }
            // One that fails at once leaves the others their time.
            if (System.nanoTime() + pause - deadline >= 0) {
                if (left.size() == blocked.size()) {
                    live.get().forEach(producer -> left.putIfAbsent(producer, "not all was handed over in time"));
                }
                return left;
            }
            LockSupport.parkNanos(this, pause);
            pause = Math.min(2 * pause, LAST_FLUSH_NANOS);
        }
    }

    private boolean allIdle() {
        return pipelines.stream().allMatch(SendPipeline::isIdle);
    }

    /** Whether there is nothing to wait for. */
    private boolean allDone() {
        return pipelines.stream().allMatch(pipeline -> pipeline.isIdle() || pipeline.needs(waiting));
    }

    /**
     * Closes producers whose time is up, so that no future is left open and the factory's own stop does not wait its
     * thirty seconds for a broker that does not answer. Not the one whose thread waits for this: that would wait for it.
     */
    private void closeUnflushed() {
        List<FutureTask<Void>> closes = unflushed.keySet().stream()
                .filter(producer -> producer.closer() != null && !producer.isServedBy(waiting))
                .map(producer -> new FutureTask<Void>(producer.closer(), null))
                .toList();
        closes.forEach(close -> OwnThread.start("close", close));
        long deadline = System.nanoTime() + CLOSE_NANOS;
        for (FutureTask<Void> close : closes) {
            try {
                close.get(Math.max(0, deadline - System.nanoTime()), TimeUnit.NANOSECONDS);
            } catch (ExecutionException e) {
                logger.warn("A producer could not be closed: " + Failures.describe(e.getCause()));
            } catch (TimeoutException e) {
                logger.warn(
                        "A producer has not closed yet: its thread waits for its cluster, or for code in a callback");
            } catch (InterruptedException e) {
                throw new IllegalStateException("Nobody interrupts this thread", e);
            }
        }
    }

    private ProducerFlushReport report(Duration took) {
        Map<String, ProducerFlushReport.Counts> topics = new HashMap<>();
        for (SendPipeline<?, ?> pipeline : pipelines) {
            pipeline.tally()
                    .byTopic()
                    .forEach((topic, counts) -> topics.merge(topic, counts, ProducerFlushReport.Counts::plus));
        }
        List<String> names = unflushed.entrySet().stream()
                .map(entry -> entry.getKey().id() + " (" + entry.getValue() + ")")
                .sorted()
                .toList();
        // Nothing is on its way any more but what a producer has yet to call back for.
        long unanswered = pipelines.stream()
                .mapToLong(pipeline -> pipeline.stats().inFlight())
                .sum();
        return new ProducerFlushReport(producers, names, took, topics, unanswered);
    }
}
