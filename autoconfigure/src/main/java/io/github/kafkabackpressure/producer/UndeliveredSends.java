package io.github.kafkabackpressure.producer;

import io.github.kafkabackpressure.producer.spool.UndeliveredStore;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.jspecify.annotations.Nullable;

/**
 * What a shutdown could not deliver, until it is known whether the store takes it.
 *
 * <p>Threading: any thread adds; the thread of a shutdown drains and keeps.
 */
final class UndeliveredSends<K, V> {

    private static final Log logger = LogFactory.getLog(UndeliveredSends.class);

    /** How long the store may take at the end of a shutdown: a serializer or a disk that hangs must not hold it up. */
    static final int KEEP_SECONDS = 5;

    private final String name;
    private final @Nullable UndeliveredStore<K, V> store;
    private final Queue<PendingSend<K, V>> sends = new ConcurrentLinkedQueue<>();

    UndeliveredSends(String name, @Nullable UndeliveredStore<K, V> store) {
        this.name = name;
        this.store = store;
    }

    void add(PendingSend<K, V> send) {
        sends.add(send);
    }

    /** How many of those that have not been ended hold a place in the window. */
    int inFlight() {
        return (int) sends.stream()
                .filter(send -> send.inFlight && !send.hasEnded())
                .distinct()
                .count();
    }

    /** Takes out those that have not been ended, each once, in the order in which they were sent. */
    List<PendingSend<K, V>> drain() {
        Set<PendingSend<K, V>> drained = new LinkedHashSet<>();
        for (PendingSend<K, V> send = sends.poll(); send != null; send = sends.poll()) {
            if (!send.hasEnded()) {
                drained.add(send);
            }
        }
        List<PendingSend<K, V>> all = new ArrayList<>(drained);
        all.sort(Comparator.comparingLong(send -> send.order));
        return all;
    }

    /** Says which of them the store has. On a thread of its own, because serializers and disks may hang. */
    Set<PendingSend<K, V>> keep(List<PendingSend<K, V>> undelivered) {
        UndeliveredStore<K, V> keeper = store;
        List<PendingSend<K, V>> keepable =
                undelivered.stream().filter(send -> send.keepable).toList();
        if (keeper == null || keepable.isEmpty()) {
            return Set.of();
        }
        // Who sets it decides whether they are kept: whoever hears that they are not may send them again.
        AtomicBoolean decided = new AtomicBoolean();
        FutureTask<Set<PendingSend<K, V>>> keeping =
                new FutureTask<>(() -> keeper.keep(keepable, () -> decided.compareAndSet(false, true)));
        try {
            OwnThread.start("spool-" + name, keeping);
            try {
                return keeping.get(KEEP_SECONDS, TimeUnit.SECONDS);
            } catch (TimeoutException e) {
                if (!decided.compareAndSet(false, true)) {
                    return keeping.get(); // all that is left is to name the file
                }
                keeping.cancel(true);
                logger.error(keepable.size() + " undelivered records of '" + name + "' could not be kept within "
                        + KEEP_SECONDS + " s");
            }
        } catch (ExecutionException e) {
            logger.error(keepable.size() + " undelivered records of '" + name + "' could not be kept: "
                    + Failures.describe(e.getCause()));
        } catch (InterruptedException e) {
            decided.set(true);
            keeping.cancel(true);
            Thread.currentThread().interrupt();
        } catch (Throwable e) {
            logger.error(keepable.size() + " undelivered records of '" + name + "' could not be kept: "
                    + Failures.describe(e));
        }
        return Set.of();
    }
}
