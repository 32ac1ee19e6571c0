package io.github.kafkabackpressure.listener;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.github.kafkabackpressure.PauseReason;
import io.github.kafkabackpressure.RecordOutcome;
import io.github.kafkabackpressure.flow.DurationCounts;
import io.github.kafkabackpressure.flow.TimeShares;
import io.github.kafkabackpressure.listener.task.ListenerRun;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What a run has been doing in the last ten seconds: once a second whichever of its consumers comes first notes how far
 * its counters are, and who asks compares what they are now with what they were then.
 *
 * <p>Threading: consumers note, anyone reads.
 */
final class RecentActivity {

    private static final long INTERVAL_NANOS = TimeUnit.SECONDS.toNanos(1);

    private static final long WINDOW_NANOS = TimeUnit.SECONDS.toNanos(10);

    /** Where the counters were at a moment. */
    @SuppressWarnings("ArrayRecordComponent") // nobody else sees or compares them
    private record Sample(
            long at,
            long polled,
            long ended,
            long dropped,
            long failed,
            long handledNanos,
            Map<PauseReason, Long> pauses,
            long[] times,
            long[] queueWait,
            long[] handling) {}

    private final ListenerRun run;

    private final ListenerStats stats;

    private final AtomicLong nextAt;

    @GuardedBy("samples") private final Deque<Sample> samples = new ArrayDeque<>();

    RecentActivity(ListenerRun run, ListenerStats stats) {
        this.run = run;
        this.stats = stats;
        long now = run.nanoTime.getAsLong();
        this.nextAt = new AtomicLong(now + INTERVAL_NANOS);
        samples.add(sample(now));
    }

    /** Notes how far the counters are, if it is time. */
    void tick(long now) {
        long due = nextAt.get();
        if (now - due < 0 || !nextAt.compareAndSet(due, now + INTERVAL_NANOS)) {
            return;
        }
        Sample sample = sample(now);
        Sample before;
        synchronized (samples) {
            before = samples.getLast();
            samples.addLast(sample);
            while (samples.size() > 2 && now - secondOldest().at() >= WINDOW_NANOS) {
                samples.removeFirst();
            }
        }
        notePauses(before, sample);
    }

    @GuardedBy("samples") private Sample secondOldest() {
        return samples.stream().skip(1).findFirst().orElseThrow();
    }

    private void notePauses(Sample before, Sample now) {
        for (PauseReason reason : PauseReason.values()) {
            long pauses =
                    now.pauses().getOrDefault(reason, 0L) - before.pauses().getOrDefault(reason, 0L);
            int kind = TimeShares.paused(reason);
            long nanos = now.times()[kind] - before.times()[kind];
            if (pauses > 0 || nanos > 0) {
                stats.timeline.extend(
                        ListenerEvent.Kind.PAUSED,
                        Names.of(reason),
                        Duration.ofNanos(now.at() - before.at()),
                        pauses,
                        TimeUnit.NANOSECONDS.toMillis(nanos));
            }
        }
    }

    private Sample sample(long now) {
        return new Sample(
                now,
                stats.polled.sum(),
                stats.ended(),
                stats.dropped.sum(),
                stats.ended(RecordOutcome.RECOVERED) + stats.failedAttempts.sum(),
                stats.handledNanos(),
                stats.pauses(),
                run.times(now),
                stats.queueWait.counts(),
                stats.handling.counts());
    }

    /**
     * What has been going on from some ten seconds ago until now.
     *
     * @param arrivedPerSecond what the consumers know of it
     */
    ListenerSnapshot.Recent recent(double arrivedPerSecond) {
        Sample now = sample(run.nanoTime.getAsLong());
        Sample then;
        synchronized (samples) {
            then = samples.getFirst();
        }
        double seconds = Math.max(1, now.at() - then.at()) / (double) TimeUnit.SECONDS.toNanos(1);
        double[] shares = shares(then.times(), now.times());
        Map<PauseReason, Double> paused = new EnumMap<>(PauseReason.class);
        for (PauseReason reason : PauseReason.values()) {
            paused.put(reason, shares[TimeShares.paused(reason)]);
        }
        double atWork = (now.handledNanos() - then.handledNanos())
                / (seconds * TimeUnit.SECONDS.toNanos(1) * run.settings.maxConcurrency());
        return new ListenerSnapshot.Recent(
                Duration.ofNanos(now.at() - then.at()),
                shares[TimeShares.BUSY],
                shares[TimeShares.IDLE],
                paused,
                Math.min(1, atWork),
                (now.polled() - then.polled()) / seconds,
                arrivedPerSecond,
                (now.ended() - then.ended()) / seconds,
                (now.dropped() - then.dropped()) / seconds,
                (now.failed() - then.failed()) / seconds,
                quantiles(then.queueWait(), now.queueWait()),
                quantiles(then.handling(), now.handling()));
    }

    /** What of the consumers' time went into what; a consumer that has ended since then is left out. */
    private static double[] shares(long[] then, long[] now) {
        double[] shares = new double[TimeShares.KINDS];
        long sum = 0;
        for (int kind = 0; kind < TimeShares.KINDS; kind++) {
            sum += Math.max(0, now[kind] - then[kind]);
        }
        for (int kind = 0; kind < TimeShares.KINDS; kind++) {
            shares[kind] = sum == 0 ? 0 : Math.max(0, now[kind] - then[kind]) / (double) sum;
        }
        return shares;
    }

    private static ListenerSnapshot.Quantiles quantiles(long[] then, long[] now) {
        return new ListenerSnapshot.Quantiles(
                Duration.ofNanos(DurationCounts.quantile(then, now, 0.5)),
                Duration.ofNanos(DurationCounts.quantile(then, now, 0.99)));
    }
}
