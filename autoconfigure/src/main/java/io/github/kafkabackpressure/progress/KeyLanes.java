package io.github.kafkabackpressure.progress;

import org.jspecify.annotations.Nullable;

/**
 * The lanes of a partition's keys: an open-addressed hash table that holds the last task of each lane that is not known
 * to be empty. A lane goes by a hash that was taken of the key when its record was polled: a key object may change
 * while it is handled, a number does not. Keys whose hashes collide share a lane, which costs them a little speed and
 * never the order. Its size follows the tasks in flight, not the keys that were ever seen.
 *
 * <p>Threading: the consumer's thread only.
 */
public final class KeyLanes {

    private static final int INITIAL_CAPACITY = 16;

    private @Nullable LaneTask[] table = new LaneTask[INITIAL_CAPACITY];

    /**
     * The lanes in {@link #table}, so that looking for one touches no other lane's task: a worker has
     * written to that, and its memory would have to come from the worker's core.
     */
    private int[] lanes = new int[INITIAL_CAPACITY];

    private int size;

    /**
     * Appends a task to its key's lane.
     *
     * @return true if it has to wait for another task, false if it may run now
     */
    public boolean append(LaneTask task) {
        int lane = task.lane;
        int mask = table.length - 1;
        for (int at = lane & mask; ; at = (at + 1) & mask) {
            LaneTask last = table[at];
            if (last == null) {
                table[at] = task;
                lanes[at] = lane;
                if (++size * 2 > table.length) {
                    grow();
                }
                return false;
            }
            if (lanes[at] == lane) {
                table[at] = task;
                return last.append(task);
            }
        }
    }

    /** Forgets the lane of a finished task, unless another one has been appended since. */
    public void finished(LaneTask task) {
        int mask = table.length - 1;
        for (int at = task.lane & mask; ; at = (at + 1) & mask) {
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
            int home = lanes[at] & mask;
            if (((at - home) & mask) >= ((at - gap) & mask)) {
                table[gap] = task;
                lanes[gap] = lanes[at];
                gap = at;
            }
        }
        table[gap] = null;
        size--;
    }

    private void grow() {
        @Nullable LaneTask[] smaller = table;
        int[] lanesBefore = lanes;
        table = new LaneTask[smaller.length * 2];
        lanes = new int[table.length];
        int mask = table.length - 1;
        for (int from = 0; from < smaller.length; from++) {
            LaneTask task = smaller[from];
            if (task != null) {
                int at = lanesBefore[from] & mask;
                while (table[at] != null) {
                    at = (at + 1) & mask;
                }
                table[at] = task;
                lanes[at] = lanesBefore[from];
            }
        }
    }
}
