package io.github.kafkabackpressure.producer;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The id of the cluster, asked for in the background: whoever wants it now does without until it is known.
 *
 * <p>Threading: any thread; one of its own asks.
 */
final class ClusterIdentity {

    private static final long ASK_AGAIN_NANOS = TimeUnit.SECONDS.toNanos(10);

    private final Supplier<@Nullable String> asked;
    private final AtomicLong askAt = new AtomicLong(System.nanoTime());

    private volatile @Nullable String id;

    /** @param asked may wait */
    ClusterIdentity(Supplier<@Nullable String> asked) {
        this.asked = asked;
    }

    @Nullable String now() {
        String known = id;
        long due = askAt.get();
        long now = System.nanoTime();
        if (known == null && now - due >= 0 && askAt.compareAndSet(due, Long.MAX_VALUE / 2 + now)) {
            OwnThread.start("cluster-id", this::ask);
        }
        return known;
    }

    private void ask() {
        try {
            id = asked.get();
        } finally {
            askAt.set(System.nanoTime() + ASK_AGAIN_NANOS);
        }
    }
}
