package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.DropReason;
import io.github.kafkabackpressure.PauseReason;
import io.github.kafkabackpressure.RecordOutcome;
import io.github.kafkabackpressure.flow.DurationCounts;
import io.github.kafkabackpressure.flow.EnumAdders;
import io.github.kafkabackpressure.flow.TimeShares;
import io.github.kafkabackpressure.listener.task.RunCounts;
import java.time.Instant;
import java.util.Collection;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * Counts what a listener does, over all its runs, and passes on to those who measure it what they want to be told.
 *
 * <p>Threading: safe for the consumers' threads and the workers; anyone reads.
 */
final class ListenerStats implements ListenerMetrics, RunCounts {

    final LongAdder polled = new LongAdder();

    final LongAdder failedAttempts = new LongAdder();

    final LongAdder retries = new LongAdder();

    final LongAdder rebalances = new LongAdder();

    final LongAdder drains = new LongAdder();

    final LongAdder drainNanos = new LongAdder();

    final LongAdder abandoned = new LongAdder();

    final LongAdder dropped = new LongAdder();

    private final RunSummary summary = new RunSummary();

    final DurationCounts queueWait = new DurationCounts();

    final DurationCounts handling = new DurationCounts();

    final Timeline timeline = new Timeline();

    private final EnumAdders<RecordOutcome> ended = new EnumAdders<>(RecordOutcome.class);

    private final EnumAdders<RecordOutcome> handledNanos = new EnumAdders<>(RecordOutcome.class);

    private final EnumAdders<PauseReason> pauses = new EnumAdders<>(PauseReason.class);

    private final EnumAdders<PauseReason> resumes = new EnumAdders<>(PauseReason.class);

    private final EnumAdders<PauseReason> pausedNanos = new EnumAdders<>(PauseReason.class);

    private final LongAdder waitedNanos = new LongAdder();

    private final LongAdder waited = new LongAdder();

    private final LongAdder commits = new LongAdder();

    private final LongAdder failedCommits = new LongAdder();

    private final AtomicLong damagedMetadata = new AtomicLong();

    private volatile @Nullable Instant lastCommit;

    private final EnumAdders<ListenerAlarm.Kind> raised = new EnumAdders<>(ListenerAlarm.Kind.class);

    private volatile List<ListenerAlarm> alarms = List.of();

    /** Whom to tell besides; {@link ListenerMetrics#NOOP} if nobody. */
    private volatile ListenerMetrics told = NOOP;

    private volatile boolean tellsRecords;

    /** @param metrics whom to tell besides */
    ListenerStats(ListenerMetrics metrics) {
        tell(metrics);
    }

    /** Sets whom to tell from now on. */
    final void tell(ListenerMetrics metrics) {
        told = GuardedMetrics.of(metrics);
        tellsRecords = told.wantsRecords();
    }

    @Override
    public boolean wantsRecords() {
        return tellsRecords;
    }

    @Override
    public void started(long waitedNanos) {
        countStarted(waitedNanos, 1);
        if (tellsRecords) {
            told.started(waitedNanos);
        }
    }

    @Override
    public void started(long waitedNanos, int records) {
        countStarted(waitedNanos, records);
        if (tellsRecords) {
            told.started(waitedNanos, records);
        }
    }

    private void countStarted(long nanos, int records) {
        waited.add(records);
        waitedNanos.add(nanos * records);
        queueWait.count(nanos, records);
    }

    @Override
    public void finished(RecordOutcome outcome, long nanos) {
        countFinished(outcome, nanos, 1);
        if (tellsRecords) {
            told.finished(outcome, nanos);
        }
    }

    @Override
    public void finished(RecordOutcome outcome, long nanos, int records) {
        countFinished(outcome, nanos, records);
        if (tellsRecords) {
            told.finished(outcome, nanos, records);
        }
    }

    private void countFinished(RecordOutcome outcome, long nanos, int records) {
        ended.add(outcome, records);
        handledNanos.add(outcome, nanos * records);
        handling.count(nanos, records);
    }

    @Override
    public void polled(int records) {
        polled.add(records);
    }

    @Override
    public void attemptFailed() {
        failedAttempts.increment();
    }

    @Override
    public void retried() {
        retries.increment();
    }

    @Override
    public void remembered(int records) {
        ended.add(RecordOutcome.REMEMBERED, records);
    }

    @Override
    public void dropped(String strategy, DropReason reason) {
        dropped.increment();
        told.dropped(strategy, reason);
    }

    @Override
    public void paused(PauseReason reason) {
        pauses.add(reason, 1);
        told.paused(reason);
    }

    @Override
    public void resumed(PauseReason reason) {
        resumes.add(reason, 1);
        told.resumed(reason);
    }

    @Override
    public void committed(boolean success) {
        if (success) {
            commits.increment();
            lastCommit = Instant.now();
        } else {
            failedCommits.increment();
            timeline.add(ListenerEvent.Kind.COMMIT_FAILED, "");
        }
        told.committed(success);
    }

    @Override
    public boolean metadataDamaged() {
        return damagedMetadata.getAndIncrement() == 0;
    }

    @Override
    public void assigned(Collection<TopicPartition> partitions) {
        rebalanced(ListenerEvent.Kind.ASSIGNED, partitions);
    }

    @Override
    public void revoked(Collection<TopicPartition> partitions) {
        rebalanced(ListenerEvent.Kind.REVOKED, partitions);
    }

    @Override
    public void lost(Collection<TopicPartition> partitions) {
        rebalanced(ListenerEvent.Kind.LOST, partitions);
    }

    private void rebalanced(ListenerEvent.Kind kind, Collection<TopicPartition> partitions) {
        if (!partitions.isEmpty()) {
            rebalances.increment();
            timeline.add(kind, "", null, partitions.size(), 0, partitions.toString());
        }
    }

    /** Takes in that the listener has started. */
    void started(String line) {
        summary.begin(ended.sum(), drainNanos.sum(), abandoned.sum());
        timeline.add(ListenerEvent.Kind.STARTED, line);
    }

    /** Takes in that the listener has stopped, or died. Returns a line that says what it has done since its start. */
    String stopped(boolean died) {
        String line = summary.line(ended.sum(), drainNanos.sum(), abandoned.sum(), lastCommit);
        timeline.add(died ? ListenerEvent.Kind.FAILED : ListenerEvent.Kind.STOPPED, line);
        return line;
    }

    @Override
    public void drained(int partitions, int left, long nanos) {
        drains.increment();
        drainNanos.add(nanos);
        abandoned.add(left);
        String what = partitions == 1 ? "1 partition" : partitions + " partitions";
        if (left > 0) {
            what += ", given up with " + left + " in flight";
        }
        timeline.add(ListenerEvent.Kind.DRAINED, "", null, left, TimeUnit.NANOSECONDS.toMillis(nanos), what);
    }

    @Override
    public void left(long remembered, long again, long unfinished) {
        summary.left(remembered, again, unfinished);
    }

    /** Counts records that ended in a way. */
    long ended(RecordOutcome outcome) {
        return ended.sum(outcome);
    }

    long ended() {
        return ended.sum();
    }

    /** How long the handling of all that ended took, in nanoseconds. */
    long handledNanos() {
        return handledNanos.sum();
    }

    /** How often the listener, or one of its partitions, has been paused for a reason. */
    Map<PauseReason, Long> pauses() {
        return pauses.sums();
    }

    @Override
    public void consumerEnded(long[] times) {
        for (PauseReason reason : PauseReason.values()) {
            pausedNanos.add(reason, times[TimeShares.paused(reason)]);
        }
    }

    /** @param running what the time of the present consumers has gone into, in nanoseconds by kind */
    ListenerSnapshot.Totals totals(long[] running) {
        Map<RecordOutcome, Double> handlingSeconds = new EnumMap<>(RecordOutcome.class);
        handledNanos.sums().forEach((outcome, nanos) -> handlingSeconds.put(outcome, seconds(nanos)));
        Map<PauseReason, Long> resumed = resumes.sums(); // first: there is no resume without a pause
        Map<PauseReason, Double> pausedSeconds = new EnumMap<>(PauseReason.class);
        pausedNanos
                .sums()
                .forEach((reason, nanos) ->
                        pausedSeconds.put(reason, seconds(nanos + running[TimeShares.paused(reason)])));
        return new ListenerSnapshot.Totals(
                polled.sum(),
                ended.sums(),
                handlingSeconds,
                waited.sum(),
                seconds(waitedNanos.sum()),
                failedAttempts.sum(),
                retries.sum(),
                pauses.sums(),
                resumed,
                pausedSeconds,
                commits.sum(),
                failedCommits.sum(),
                damagedMetadata.get(),
                rebalances.sum(),
                drains.sum(),
                seconds(drainNanos.sum()),
                abandoned.sum(),
                raised.sums());
    }

    private static double seconds(long nanos) {
        return (double) nanos / TimeUnit.SECONDS.toNanos(1);
    }

    /** Takes in an alarm. */
    void raised(ListenerAlarm alarm) {
        raised.add(alarm.kind(), 1);
        timeline.add(
                ListenerEvent.Kind.ALARM,
                Names.of(alarm.kind()),
                alarm.at(),
                1,
                alarm.lasts().toMillis(),
                alarm.text());
    }

    /** Takes in that an alarm is over. */
    void cleared(ListenerAlarm alarm) {
        timeline.add(ListenerEvent.Kind.CLEARED, Names.of(alarm.kind()), alarm.at(), 1, 0, alarm.text());
    }

    /** Takes in which alarms are on. */
    void alarms(List<ListenerAlarm> on) {
        alarms = on;
    }

    List<ListenerAlarm> alarms() {
        return alarms;
    }

    @Nullable Instant lastCommit() {
        return lastCommit;
    }
}
