package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.PauseReason;
import io.github.kafkabackpressure.flow.PartitionInFlight;
import io.github.kafkabackpressure.flow.TimeShares;
import io.github.kafkabackpressure.listener.ListenerSnapshot.State;
import io.github.kafkabackpressure.listener.consume.AssignedPartitions;
import io.github.kafkabackpressure.listener.consume.PartitionSight;
import io.github.kafkabackpressure.listener.consume.PartitionWork;
import io.github.kafkabackpressure.listener.task.ListenerRun;
import io.github.kafkabackpressure.listener.task.RunningRecords.Running;
import io.github.kafkabackpressure.listener.task.WaitsFor;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Reads what a listener has in work while it goes on.
 *
 * <p>Threading: any thread.
 */
final class SnapshotReader {

    /** How many of the records that have been handled for longest are told. */
    private static final int SLOWEST = 20;

    /** How often to read the partitions anew because records left or came meanwhile. */
    private static final int READINGS = 3;

    private final ContainerRun container;

    private final ListenerRun run;

    private final long now;

    /** The most records that can have been in flight. */
    private final long most;

    private SnapshotReader(ContainerRun container) {
        this.container = container;
        this.run = container.run;
        this.now = run.nanoTime.getAsLong();
        this.most = Math.max(run.limit.limit(), run.limit.inFlight());
    }

    /**
     * Reads a listener.
     *
     * @param run its present run; null if it has none
     * @param failure why it died; null if it did not
     */
    static ListenerSnapshot read(
            String id,
            State state,
            @Nullable Throwable failure,
            ListenerOptions options,
            @Nullable ContainerRun run,
            ListenerStats stats) {
        if (run == null) {
            return new ListenerSnapshot(
                    id,
                    options.ordering(),
                    options.maxInFlight(),
                    0,
                    0,
                    0,
                    0,
                    List.of(),
                    state,
                    failure,
                    0,
                    limits(options, 0, 0),
                    ListenerSnapshot.Recent.nothing(),
                    stats.totals(new long[TimeShares.KINDS]),
                    List.of(),
                    0,
                    0,
                    stats.lastCommit(),
                    stats.alarms(),
                    stats.timeline.events());
        }
        return new SnapshotReader(run).read(id, state, failure, options, stats);
    }

    private ListenerSnapshot read(
            String id, State state, @Nullable Throwable failure, ListenerOptions options, ListenerStats stats) {
        List<ListenerSnapshot.Partition> partitions = partitions();
        long inFlight = 0;
        long runningNow = 0;
        for (ListenerSnapshot.Partition partition : partitions) {
            inFlight += partition.inFlight();
            runningNow += partition.running();
        }
        List<Running> running = run.running.now();
        return new ListenerSnapshot(
                id,
                options.ordering(),
                (int) run.limit.limit(),
                inFlight,
                inFlight - runningNow,
                runningNow,
                run.room.bytes.inFlight(),
                partitions,
                state,
                failure,
                run.room.consumers().size(),
                limits(options, run.limit.lowWatermark(), run.room.pollSize),
                container.activity.recent(arrivedPerSecond()),
                stats.totals(run.times(now)),
                slowest(running),
                count(running, WaitsFor.BACK_OFF),
                count(running, WaitsFor.ACKNOWLEDGMENT) + count(running, WaitsFor.RESULT),
                stats.lastCommit(),
                stats.alarms(),
                stats.timeline.events());
    }

    private double arrivedPerSecond() {
        double sum = 0;
        for (AssignedPartitions assigned : container.side.partitions()) {
            for (PartitionWork work : assigned.works()) {
                sum += work.sight.arrivedPerSecond;
            }
        }
        return sum;
    }

    private static ListenerSnapshot.Limits limits(ListenerOptions options, long resumeBelow, int pollSize) {
        RateLimitOptions rate = options.overload().rateLimit();
        return new ListenerSnapshot.Limits(
                options.maxInFlight(),
                resumeBelow,
                options.maxInFlightPerPartition(),
                options.maxInFlightBytes(),
                options.maxConcurrency(),
                pollSize,
                rate == null ? 0 : rate.rate(),
                rate == null ? 0 : rate.burst(),
                rate == null ? 0 : rate.windowRecords(),
                rate == null ? Duration.ZERO : rate.window());
    }

    /**
     * The partitions. Between two looks at them a poll may come, after what has left the first was counted and before
     * what it brings to the second is: together they would have more in flight than there ever was.
     */
    private List<ListenerSnapshot.Partition> partitions() {
        List<ListenerSnapshot.Partition> partitions = readPartitions();
        for (int reading = 1; reading < READINGS && sum(partitions) > most; reading++) {
            partitions = readPartitions();
        }
        long tooMany = sum(partitions) - most;
        for (int index = 0; tooMany > 0 && index < partitions.size(); index++) {
            ListenerSnapshot.Partition partition = partitions.get(index);
            int less = (int) Math.min(tooMany, partition.queued());
            partitions.set(index, withoutQueued(partition, less));
            tooMany -= less;
        }
        return partitions;
    }

    /** The same with fewer records that wait. */
    private static ListenerSnapshot.Partition withoutQueued(ListenerSnapshot.Partition of, int fewer) {
        return new ListenerSnapshot.Partition(
                of.topic(),
                of.partition(),
                of.inFlight() - fewer,
                of.queued() - fewer,
                of.running(),
                of.pauseReason(),
                of.frontier(),
                of.committed(),
                of.lastPolled(),
                of.consumer(),
                of.pausedFor(),
                of.position(),
                of.endOffset(),
                of.lag(),
                of.pastFrontier(),
                of.oldestUnfinished(),
                of.frontierStuck());
    }

    private static long sum(List<ListenerSnapshot.Partition> partitions) {
        return partitions.stream()
                .mapToLong(ListenerSnapshot.Partition::inFlight)
                .sum();
    }

    private List<ListenerSnapshot.Partition> readPartitions() {
        List<ListenerSnapshot.Partition> partitions = new ArrayList<>();
        for (AssignedPartitions assigned : container.side.partitions()) {
            for (PartitionWork work : assigned.works()) {
                partitions.add(partition(work));
            }
        }
        partitions.sort(Comparator.comparing(ListenerSnapshot.Partition::topic)
                .thenComparingInt(ListenerSnapshot.Partition::partition));
        return partitions;
    }

    private ListenerSnapshot.Partition partition(PartitionWork work) {
        PartitionSight sight = work.sight;
        long counts = work.inFlight.counts();
        int inFlight = PartitionInFlight.inFlight(counts);
        int running = Math.min(PartitionInFlight.running(counts), inFlight);
        PauseReason reason = work.reason;
        // In this order: each follows the next one, so none is read to be ahead of it.
        long committed = work.committed;
        long frontier = work.frontier;
        long lastPolled = work.lastPolled;
        long position = Math.max(sight.position, lastPolled + 1);
        long end = sight.endOffset < 0 ? -1 : Math.max(sight.endOffset, position);
        long lag = end >= 0 ? end - position : sight.lag;
        return new ListenerSnapshot.Partition(
                work.partition.topic(),
                work.partition.partition(),
                inFlight,
                inFlight - running,
                running,
                reason,
                frontier < 0 && committed >= 0 ? committed : frontier,
                committed,
                lastPolled,
                work.owner.facts.name(),
                reason == null ? null : since(sight.pausedAt),
                lastPolled < 0 && sight.position < 0 ? -1 : position,
                end,
                lag,
                sight.pastFrontier,
                since(sight.oldestPolledAt),
                since(sight.frontierMovedAt));
    }

    private @Nullable Duration since(long time) {
        return time == PartitionSight.NEVER ? null : Duration.ofNanos(Math.max(0, now - time));
    }

    private List<ListenerSnapshot.RunningRecord> slowest(List<Running> running) {
        return running.stream()
                .sorted(Comparator.comparingLong(one -> one.begun() - now))
                .limit(SLOWEST)
                .map(one -> new ListenerSnapshot.RunningRecord(
                        one.record().topic(),
                        one.record().partition(),
                        one.record().offset(),
                        one.record().key(),
                        Duration.ofNanos(Math.max(0, now - one.begun())),
                        ListenerSnapshot.WaitsFor.valueOf(one.waitsFor().name()),
                        one.thread()))
                .toList();
    }

    private static int count(List<Running> running, WaitsFor what) {
        return (int) running.stream().filter(one -> one.waitsFor() == what).count();
    }
}
