package io.github.kafkabackpressure.producer;

import io.github.kafkabackpressure.buffer.SlowMode;
import org.jspecify.annotations.Nullable;

/**
 * In what batches records leave the buffer now.
 *
 * <p>Threading: any thread.
 */
final class Pace {

    private final ProducerOptions.Batching batching;
    private final @Nullable SlowMode slowMode;

    Pace(ProducerOptions options, long now) {
        this.batching = options.batching();
        ProducerOptions.SlowModeOptions slow = options.slowMode();
        this.slowMode = slow == null
                ? null
                : new SlowMode(
                        new SlowMode.Bounds(
                                slow.threshold().toNanos(),
                                batching.size(),
                                slow.maxBatchSize(),
                                batching.linger().toNanos(),
                                slow.maxLinger().toNanos()),
                        now);
    }

    int batchSize() {
        return slowMode == null ? batching.size() : slowMode.batchSize();
    }

    long lingerNanos() {
        return slowMode == null ? batching.linger().toNanos() : slowMode.lingerNanos();
    }

    /** Whether batches are larger than usual because Kafka is slow. */
    boolean isSlow() {
        return slowMode != null && slowMode.active();
    }

    /** Whether it wants to know how long records take. */
    boolean observes() {
        return slowMode != null;
    }

    void acknowledged(long nanos) {
        if (slowMode != null) {
            slowMode.acknowledged(nanos);
        }
    }

    void step(long now, int inFlight) {
        if (slowMode != null) {
            slowMode.step(now, inFlight);
        }
    }
}
