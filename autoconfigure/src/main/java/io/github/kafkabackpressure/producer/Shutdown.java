package io.github.kafkabackpressure.producer;

import io.github.kafkabackpressure.producer.LiveProducers.LiveProducer;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;

/**
 * One shutdown of the sending half: intake, buffer and Kafka's producers are emptied in this order, within a time; what
 * is left then is ended.
 *
 * <p>Threading: made by the thread that stops the context, which waits for the one that runs it.
 */
final class Shutdown {

    private static final Log logger = LogFactory.getLog(Shutdown.class);

    /** The rest of the time is for the acknowledgements, also when one hand-over hangs. */
    private static final double HAND_OVER_SHARE = 3 / 4.0;

    /** How long after a flush the next one follows. */
    private static final long NEXT_FLUSH_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

    private final List<? extends SendPipeline<?, ?>> pipelines;
    private final Supplier<? extends Collection<LiveProducer>> live;
    private final Duration timeout;

    /** How many producers there were at the last flush. */
    private int producers;

    /** Written by the thread that runs it, read by the one that has waited for that. */
    private Set<LiveProducer> unflushed = Set.of();

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
        start("kafka-backpressure-shutdown", shutdown);
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
        return unflushed;
    }

    private ProducerFlushReport flushAndReport() {
        long started = System.nanoTime();
        long deadline = started + timeout.toNanos();
        pipelines.forEach(SendPipeline::closeIntake);
        awaitHandedOver(started + (long) (timeout.toNanos() * HAND_OVER_SHARE));
        Map<LiveProducer, String> unflushed = flush(deadline);
        if (!unflushed.isEmpty() || !allIdle()) {
            pipelines.forEach(SendPipeline::beginGivingUp);
            closeNow(unflushed.keySet());
        }
        pipelines.forEach(SendPipeline::endUndelivered);
        this.unflushed = unflushed.keySet();
        return report(producers, unflushed, Duration.ofNanos(System.nanoTime() - started));
    }

    /** All at once: one whose hand-over hangs must not use up the time of the others. */
    private void awaitHandedOver(long deadline) {
        List<FutureTask<Boolean>> waits = pipelines.stream()
                .map(pipeline -> new FutureTask<>(() -> pipeline.awaitHandedOver(deadline)))
                .toList();
        waits.forEach(wait -> start("kafka-backpressure-hand-over", wait));
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

    private static void start(String name, Runnable work) {
        Thread thread = new Thread(work, name);
        thread.setDaemon(true);
        thread.start();
    }

    /**
     * Again and again: a caller that passed the intake just before it closed may hand over after a first flush, and to a
     * producer that it has yet to open.
     */
    private Map<LiveProducer, String> flush(long deadline) {
        while (true) {
            Collection<LiveProducer> flushed = live.get();
            producers = flushed.size();
            Map<LiveProducer, String> unflushed = new ProducerFlush(flushed).await(deadline, System::nanoTime);
            if (!unflushed.isEmpty() || allIdle()) {
                return unflushed;
            }
            if (System.nanoTime() + NEXT_FLUSH_NANOS - deadline >= 0) {
                live.get().forEach(producer -> unflushed.put(producer, "not in time"));
                return unflushed;
            }
            LockSupport.parkNanos(this, NEXT_FLUSH_NANOS);
        }
    }

    private boolean allIdle() {
        return pipelines.stream().allMatch(SendPipeline::isIdle);
    }

    /**
     * Closes the factories of producers whose time is up, so that no future is left open and the factory's own stop
     * does not wait its thirty seconds for a broker that does not answer.
     */
    private static void closeNow(Set<LiveProducer> unflushed) {
        for (LiveProducer live : unflushed) {
            try {
                live.closeNow();
            } catch (RuntimeException e) {
                logger.warn("Kafka's producer '" + live.id() + "' could not be closed", e);
            }
        }
    }

    private ProducerFlushReport report(int producers, Map<LiveProducer, String> unflushed, Duration took) {
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
        return new ProducerFlushReport(producers, names, took, topics);
    }
}
