package io.github.kafkabackpressure.producer.spool;

import java.util.List;
import java.util.Set;
import java.util.function.BooleanSupplier;

/**
 * Keeps what could not be delivered at a shutdown until the next start.
 *
 * <p>Threading: replayed by the sender before its first hand-over, written by the thread that ends a shutdown.
 *
 * @param <K> type of the records' keys
 * @param <V> type of the records' values
 */
public interface UndeliveredStore<K, V> {

    /**
     * Sends what was kept, in order, and forgets what was acknowledged.
     *
     * @param mayGoOn says no when a shutdown must not wait any longer
     * @return whether newer records may be sent now; not if something was left because of {@code mayGoOn}
     */
    boolean replay(BooleanSupplier mayGoOn);

    /**
     * Keeps these, in this order.
     *
     * @param mayKeep asked at most once, at the very end: after a yes they are kept, after a no they are not
     * @return which of them it has kept
     */
    <S extends Undelivered<K, V>> Set<S> keep(List<S> undelivered, BooleanSupplier mayKeep);
}
