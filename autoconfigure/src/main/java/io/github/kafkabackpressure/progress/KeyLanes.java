package io.github.kafkabackpressure.progress;

import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The lanes of a partition's keys: an open-addressed hash table that holds the last task of each lane that is not known
 * to be empty. Lanes are exact: two keys never share one because their hashes collide. Its size follows the
 * tasks in flight, not the keys that were ever seen.
 *
 * <p>Threading: the consumer's thread only.
 */
public final class KeyLanes {

    private static final int INITIAL_CAPACITY = 16;

    private @Nullable LaneTask[] table = new LaneTask[INITIAL_CAPACITY];

    /**
     * The hashes of the keys in {@link #table}, so that looking for a key touches no other lane's task: a worker has
     * written to that, and its memory would have to come from the worker's core.
     */
    private int[] hashes = new int[INITIAL_CAPACITY];

    private int size;

    /**
     * Appends a task to its key's lane.
     *
     * @return true if it has to wait for another task, false if it may run now
     */
    public boolean append(LaneTask task) {
        Object key = task.laneKey();
        int hash = spread(hashOf(key));
        task.keyHash = hash;
        int mask = table.length - 1;
        for (int at = hash & mask; ; at = (at + 1) & mask) {
            LaneTask last = table[at];
            if (last == null) {
                table[at] = task;
                hashes[at] = hash;
                if (++size * 2 > table.length) {
                    grow();
                }
                return false;
            }
            if (hashes[at] == hash && equalKeys(last.laneKey(), key)) {
                table[at] = task;
                return last.append(task);
            }
        }
    }

    /** Forgets the lane of a finished task, unless another one has been appended since. */
    public void finished(LaneTask task) {
        int mask = table.length - 1;
        for (int at = task.keyHash & mask; ; at = (at + 1) & mask) {
            LaneTask last = table[at];
            if (last == null) {
                return;
            }
            if (last == task) {
                remove(at);
                return;
            }
        }
    }

    /** How many lanes are not known to be empty. */
    public int size() {
        return size;
    }

    /** Closes the gap that a removal leaves, by moving back those that had to step over it. */
    private void remove(int removed) {
        int mask = table.length - 1;
        int gap = removed;
        for (int at = (gap + 1) & mask; ; at = (at + 1) & mask) {
            LaneTask task = table[at];
            if (task == null) {
                break;
            }
            int home = hashes[at] & mask;
            if (((at - home) & mask) >= ((at - gap) & mask)) {
                table[gap] = task;
                hashes[gap] = hashes[at];
                gap = at;
            }
        }
        table[gap] = null;
        size--;
    }

    private void grow() {
        @Nullable LaneTask[] smaller = table;
        int[] hashesBefore = hashes;
        table = new LaneTask[smaller.length * 2];
        hashes = new int[table.length];
        int mask = table.length - 1;
        for (int from = 0; from < smaller.length; from++) {
            LaneTask task = smaller[from];
            if (task != null) {
                int at = hashesBefore[from] & mask;
                while (table[at] != null) {
                    at = (at + 1) & mask;
                }
                table[at] = task;
                hashes[at] = hashesBefore[from];
            }
        }
    }

    private static int spread(int hash) {
        int mixed = hash * 0x9E3779B9; // the golden ratio: neighbouring hashes end up far apart
        return mixed ^ (mixed >>> 16);
    }

    private static int hashOf(@Nullable Object key) {
        return key instanceof byte[] bytes ? Arrays.hashCode(bytes) : Objects.hashCode(key);
    }

    private static boolean equalKeys(@Nullable Object one, @Nullable Object other) {
        return (one instanceof byte[] a && other instanceof byte[] b)
                ? Arrays.equals(a, b)
                : Objects.equals(one, other);
    }
}
