package io.github.kafkabackpressure.producer;

import io.github.kafkabackpressure.producer.LiveProducers.LiveProducer;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;

/**
 * One flush of several producers at the same time. {@code KafkaProducer.flush()} waits for as long as the broker likes,
 * so each runs on a thread of its own that is interrupted when the time is up.
 *
 * <p>Threading: made and awaited by one thread.
 */
final class ProducerFlush {

    private final Map<LiveProducer, FutureTask<Void>> flushes;

    ProducerFlush(Collection<LiveProducer> producers) {
        this.flushes = producers.stream().collect(Collectors.toMap(live -> live, live -> {
            FutureTask<Void> flush = new FutureTask<>(live.producer()::flush, null);
            Thread thread = new Thread(flush, "kafka-backpressure-flush-" + live.id());
            thread.setDaemon(true);
            thread.start();
            return flush;
        }));
    }

    /**
     * Waits until each producer is flushed, or the deadline.
     *
     * @return the producers that were not flushed, each with the reason
     */
    Map<LiveProducer, String> await(long deadlineNanos, LongSupplier nanoTime) {
        Map<LiveProducer, String> unflushed = new HashMap<>();
        boolean interrupted = false;
        for (Map.Entry<LiveProducer, FutureTask<Void>> flush : flushes.entrySet()) {
            while (true) {
                try {
                    flush.getValue().get(Math.max(0, deadlineNanos - nanoTime.getAsLong()), TimeUnit.NANOSECONDS);
                    break;
                } catch (InterruptedException e) {
                    interrupted = true;
                } catch (TimeoutException e) {
                    flush.getValue().cancel(true);
                    unflushed.put(flush.getKey(), "not in time");
                    break;
                } catch (ExecutionException e) {
                    unflushed.put(flush.getKey(), String.valueOf(e.getCause()));
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
