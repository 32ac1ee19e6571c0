package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.PauseReason;
import io.github.kafkabackpressure.listener.ListenerAlarm.Kind;
import io.github.kafkabackpressure.listener.ListenerSnapshot.Partition;
import io.github.kafkabackpressure.listener.ListenerSnapshot.RunningRecord;
import io.github.kafkabackpressure.listener.ListenerSnapshot.State;
import io.github.kafkabackpressure.listener.ListenerSnapshot.WaitsFor;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Says what is wrong with a listener by what is seen of it, look by look.
 *
 * <p>Threading: one thread at a time.
 */
final class AlarmRules {

    /** How much of a thread's stack is told. */
    private static final int FRAMES = 30;

    private final ListenerOptions options;

    private long polled = -1;

    private long ended = -1;

    private long progressAt;

    AlarmRules(ListenerOptions options) {
        this.options = options;
    }

    /**
     * Looks at a listener.
     *
     * @param nanos the present time
     */
    List<ListenerAlarm> look(ListenerSnapshot now, long nanos) {
        noteProgress(now, nanos);
        List<ListenerAlarm> alarms = new ArrayList<>();
        if (now.state() != State.RUNNING && now.state() != State.PAUSED) {
            return alarms;
        }
        for (RunningRecord record : now.slowest()) {
            // A retry waits on while somebody has paused the listener: nobody expects it to end.
            boolean waitsForUser = now.state() == State.PAUSED && record.waitsFor() == WaitsFor.BACK_OFF;
            if (isOver(options.slowRecordThreshold(), record.age()) && !waitsForUser) {
                alarms.add(slow(now, record));
            }
        }
        for (Partition partition : now.partitions()) {
            if (isOver(options.frontierTimeout(), partition.frontierStuck())
                    && partition.pastFrontier() > partition.inFlight()) {
                alarms.add(stuck(now, partition));
            }
            if (now.state() == State.RUNNING
                    && isOver(options.stallTimeout(), partition.pausedFor())
                    && pausesForRoom(partition.pauseReason())
                    && hasRoom(now)
                    && partition.inFlight() == 0) {
                alarms.add(pausedWithRoom(now, partition));
            }
        }
        Duration still = Duration.ofNanos(nanos - progressAt);
        if (now.state() == State.RUNNING && isOver(options.stallTimeout(), still) && isToGoOn(now)) {
            alarms.add(stalled(now, still));
        }
        return alarms;
    }

    private void noteProgress(ListenerSnapshot now, long nanos) {
        long endedNow = now.totals().outcomes().values().stream()
                .mapToLong(count -> count)
                .sum();
        boolean idle = now.inFlight() == 0 && toBePolled(now) == 0;
        if (now.totals().polled() != polled || endedNow != ended || idle || now.state() != State.RUNNING) {
            polled = now.totals().polled();
            ended = endedNow;
            progressAt = nanos;
        }
    }

    private static boolean isOver(Duration threshold, @Nullable Duration lasts) {
        return !threshold.isZero() && lasts != null && lasts.compareTo(threshold) >= 0;
    }

    private static boolean pausesForRoom(@Nullable PauseReason reason) {
        return reason == PauseReason.MAX_IN_FLIGHT
                || reason == PauseReason.MAX_IN_FLIGHT_BYTES
                || reason == PauseReason.MAX_IN_FLIGHT_PER_PARTITION
                || reason == PauseReason.FAIR_SHARE;
    }

    private static boolean hasRoom(ListenerSnapshot now) {
        long bytes = now.limits().maxInFlightBytes();
        return now.inFlight() <= now.limits().resumeBelow() && (bytes == 0 || now.bytesInFlight() * 2 <= bytes);
    }

    /** Whether something could go on: records are there to be polled and there is room, or they wait and none runs. */
    private static boolean isToGoOn(ListenerSnapshot now) {
        return (hasRoom(now) && toBePolled(now) > 0) || (now.queued() > 0 && now.running() == 0);
    }

    /** Records to be polled of partitions that nobody has paused. */
    private static long toBePolled(ListenerSnapshot now) {
        return now.partitions().stream()
                .filter(partition -> partition.pauseReason() == null || pausesForRoom(partition.pauseReason()))
                .mapToLong(partition -> Math.max(0, partition.lag()))
                .sum();
    }

    private ListenerAlarm slow(ListenerSnapshot now, RunningRecord record) {
        String waitsFor = switch (record.waitsFor()) {
            case METHOD -> "its method has not returned";
            case BACK_OFF -> "it waits for its next attempt or for the error handler";
            case ACKNOWLEDGMENT -> "its method has returned, but nobody has acknowledged it";
            case RESULT -> "its method has returned, but the result has not come";
        };
        Thread thread = record.thread();
        String on = thread == null ? "" : ", on thread " + thread.getName();
        return new ListenerAlarm(
                now.id(),
                Kind.SLOW_RECORD,
                false,
                Instant.now(),
                record.age(),
                record.topic(),
                record.partition(),
                record.offset(),
                "the record " + record.topic() + "-" + record.partition() + "@" + record.offset()
                        + " has been handled for " + seconds(record.age()) + ": " + waitsFor + on,
                thread == null ? "" : stack(thread));
    }

    private static String stack(Thread thread) {
        return Arrays.stream(thread.getStackTrace())
                .limit(FRAMES)
                .map(frame -> "\n    at " + frame)
                .collect(Collectors.joining());
    }

    private ListenerAlarm stuck(ListenerSnapshot now, Partition partition) {
        Duration lasts = partition.frontierStuck() == null ? Duration.ZERO : partition.frontierStuck();
        return new ListenerAlarm(
                now.id(),
                Kind.FRONTIER_STUCK,
                false,
                Instant.now(),
                lasts,
                partition.topic(),
                partition.partition(),
                partition.frontier(),
                "the frontier of " + partition.topic() + "-" + partition.partition() + " has been at "
                        + partition.frontier() + " for " + seconds(lasts) + ", while others are finished: "
                        + partition.pastFrontier() + " records come again if the JVM dies now",
                "");
    }

    private ListenerAlarm pausedWithRoom(ListenerSnapshot now, Partition partition) {
        Duration lasts = partition.pausedFor() == null ? Duration.ZERO : partition.pausedFor();
        return new ListenerAlarm(
                now.id(),
                Kind.PAUSED_WITH_ROOM,
                false,
                Instant.now(),
                lasts,
                partition.topic(),
                partition.partition(),
                -1,
                partition.topic() + "-" + partition.partition() + " has been paused for " + seconds(lasts)
                        + " although there is room",
                "");
    }

    private static ListenerAlarm stalled(ListenerSnapshot now, Duration still) {
        return new ListenerAlarm(
                now.id(),
                Kind.STALLED,
                false,
                Instant.now(),
                still,
                null,
                -1,
                -1,
                "nothing has been polled or finished for " + seconds(still) + " although there is room; "
                        + toBePolled(now) + " records are to be polled, " + now.queued() + " wait, " + now.running()
                        + " are being handled",
                "");
    }

    private static String seconds(Duration duration) {
        return duration.toMillis() / 1000 + " s";
    }
}
