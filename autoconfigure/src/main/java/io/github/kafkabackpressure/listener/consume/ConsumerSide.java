package io.github.kafkabackpressure.listener.consume;

import io.github.kafkabackpressure.listener.overload.Overload;
import io.github.kafkabackpressure.listener.task.ListenerRun;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.LongConsumer;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * What the consumers of one run share besides the {@link ListenerRun} itself, of which workers know nothing.
 *
 * <p>Threading: the consumers' threads; anyone may read the partitions.
 */
public final class ConsumerSide {

    public final ListenerRun run;

    /** What else than a pause answers overload; null if nothing does. */
    public final @Nullable Overload overload;

    final LoadListener load;

    /** Called about once a second by each consumer, with the time. */
    final LongConsumer everySecond;

    private final List<AssignedPartitions> partitions = new CopyOnWriteArrayList<>();

    public ConsumerSide(ListenerRun run, @Nullable Overload overload, LoadListener load, LongConsumer everySecond) {
        this.run = run;
        this.overload = overload;
        this.load = load;
        this.everySecond = everySecond;
    }

    /** Whether records may come in slices. */
    boolean takesSlices() {
        boolean decidesByRecord = overload != null && overload.slices == null;
        return !decidesByRecord && run.handler.takesSlices();
    }

    /** Whether room may come in no time: not if what is in flight waits for a rate, or is dropped for what comes. */
    boolean mayAwaitRoom() {
        return overload == null
                || (overload.slices != null && !overload.slices.isWaitedAt() && !overload.hasUnsorted());
    }

    public void add(AssignedPartitions assigned) {
        partitions.add(assigned);
    }

    public void remove(AssignedPartitions assigned) {
        partitions.remove(assigned);
    }

    /** The partitions of each open consumer. */
    public List<AssignedPartitions> partitions() {
        return partitions;
    }

    /** Whether some partitions have records in flight. Called by anyone. */
    boolean isInFlight(Collection<TopicPartition> some) {
        for (AssignedPartitions assigned : partitions) {
            for (PartitionWork work : assigned.works()) {
                if (work.inFlight.inFlight() > 0 && some.contains(work.partition)) {
                    return true;
                }
            }
        }
        return false;
    }
}
