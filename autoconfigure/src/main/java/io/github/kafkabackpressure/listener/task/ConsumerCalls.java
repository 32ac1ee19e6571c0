package io.github.kafkabackpressure.listener.task;

import java.time.Duration;
import java.util.Queue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.apache.kafka.common.KafkaException;

/**
 * Calls to a consumer that other threads need the answer of. Kafka's consumer serves one thread only, so the consumer's
 * thread makes them: in its tick, and while it waits for a drain.
 *
 * <p>Threading: any thread asks and waits; the consumer's thread runs.
 */
public final class ConsumerCalls {

    private final Queue<FutureTask<?>> waiting = new ConcurrentLinkedQueue<>();

    private final Runnable wakeup;

    private volatile boolean closed;

    /**
     * Makes it.
     *
     * @param wakeup brings the consumer's thread to {@link #run} soon, whatever it waits for
     */
    ConsumerCalls(Runnable wakeup) {
        this.wakeup = wakeup;
    }

    /**
     * Has a call made.
     *
     * @throws KafkaException if it fails, or is not made in time, or the consumer is closed
     */
    public <T> T call(Supplier<T> call, Duration timeout) {
        FutureTask<T> task = new FutureTask<>(call::get);
        waiting.add(task);
        if (closed) {
            task.cancel(false);
        }
        wakeup.run();
        try {
            return task.get(Nanos.of(timeout), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new KafkaException("interrupted while the consumer was to be asked", e);
        } catch (CancellationException e) {
            throw new KafkaException("the consumer is closed", e);
        } catch (ExecutionException e) {
            throw new KafkaException("the consumer could not answer", e.getCause());
        } catch (TimeoutException e) {
            throw new KafkaException("the consumer did not answer within " + timeout, e);
        } finally {
            waiting.remove(task);
        }
    }

    /** Whether a call is waited for that nobody has begun to make. Called by any thread. */
    public boolean isWaiting() {
        return !waiting.isEmpty();
    }

    /** Makes the calls that are waited for. Called by the consumer's thread. */
    public void run() {
        for (FutureTask<?> task = waiting.poll(); task != null; task = waiting.poll()) {
            task.run();
        }
    }

    /** Refuses all calls from now on. Called by the consumer's thread. */
    public void close() {
        closed = true;
        waiting.forEach(task -> task.cancel(false));
    }
}
