package io.github.kafkabackpressure.rate;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;

/**
 * A bucket for each key, tenant or partition that was seen lately. One that has not been used for so long that it is as
 * new leaves, as it can be made again when it is needed. If there are more than the table holds that are in use, those
 * that come last share one bucket: they get less than their due, and nobody gets more.
 *
 * <p>Threading: under the lock of its owner.
 */
public final class BucketTable {

    /** How many of the least recently used are looked at for each one that comes. */
    private static final int LOOKED_AT = 2;

    /** The key of those that share one bucket. */
    public static final Object REST = "(rest)";

    /** Makes buckets. */
    public interface Maker {

        /**
         * Makes the bucket of a key.
         *
         * @param now the present time in nanoseconds
         */
        Bucket make(Object key, long now);
    }

    private final int capacity;

    private final Maker maker;

    private final Map<Object, Bucket> buckets = new LinkedHashMap<>(16, 0.75f, true);

    private final Bucket shared;

    /**
     * Makes an empty table.
     *
     * @param capacity the most buckets in it
     * @param maker makes the buckets
     * @param now the present time in nanoseconds
     */
    public BucketTable(int capacity, Maker maker, long now) {
        this.capacity = capacity;
        this.maker = maker;
        this.shared = maker.make(REST, now);
    }

    /** The bucket of a key, whose {@code equals} and {@code hashCode} must not change. */
    public Bucket of(Object key, long now) {
        Bucket known = buckets.get(key);
        if (known != null) {
            return known;
        }
        Iterator<Bucket> eldest = buckets.values().iterator();
        for (int look = 0; look < LOOKED_AT && eldest.hasNext() && eldest.next().isAsNew(now); look++) {
            eldest.remove();
        }
        if (buckets.size() >= capacity) {
            return shared;
        }
        Bucket made = maker.make(key, now);
        buckets.put(key, made);
        return made;
    }

    /** Does something to each bucket, that of the rest included. */
    public void forEach(Consumer<? super Bucket> action) {
        buckets.values().forEach(action);
        action.accept(shared);
    }

    /** How many buckets it holds. */
    public int size() {
        return buckets.size();
    }
}
