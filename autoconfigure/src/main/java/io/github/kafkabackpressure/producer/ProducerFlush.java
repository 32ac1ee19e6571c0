package io.github.kafkabackpressure.producer;

import java.util.Collection;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.LongSupplier;
import org.apache.kafka.clients.producer.Producer;

/**
 * One flush of several producers at the same time. {@code KafkaProducer.flush()} waits for as long as the broker likes,
 * so each runs on a thread of its own that is interrupted when the time is up.
 *
 * <p>Threading: made and awaited by one thread.
 */
final class ProducerFlush {

    /** By the producer: several templates may share one. */
    private final IdentityHashMap<Producer<?, ?>, Flush> flushes = new IdentityHashMap<>();

    private record Flush(LiveProducer live, FutureTask<Void> task) {}

    ProducerFlush(Collection<LiveProducer> producers) {
        for (LiveProducer live : producers) {
            flushes.computeIfAbsent(live.producer(), producer -> {
                FutureTask<Void> task = new FutureTask<>(producer::flush, null);
                OwnThread.start("flush-" + live.id(), task);
                return new Flush(live, task);
            });
        }
    }

    /**
     * Waits until each producer is flushed, or the deadline.
     *
     * @return the producers that were not flushed, each with the reason
     */
    Map<LiveProducer, String> await(long deadlineNanos, LongSupplier nanoTime) {
        Map<LiveProducer, String> unflushed = new HashMap<>();
        boolean interrupted = false;
        for (Flush flush : flushes.values()) {
            while (true) {
                try {
                    flush.task.get(Math.max(0, deadlineNanos - nanoTime.getAsLong()), TimeUnit.NANOSECONDS);
                    break;
                } catch (InterruptedException e) {
                    interrupted = true;
                } catch (TimeoutException e) {
                    flush.task.cancel(true);
                    unflushed.put(flush.live, "the broker has not acknowledged all in time");
                    break;
                } catch (ExecutionException e) {
                    unflushed.put(flush.live, Failures.describe(e.getCause()));
                    break;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return unflushed;
    }
}
