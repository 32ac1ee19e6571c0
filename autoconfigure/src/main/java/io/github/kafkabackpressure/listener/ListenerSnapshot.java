package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.PauseReason;
import io.github.kafkabackpressure.RecordOutcome;
import io.github.kafkabackpressure.listener.task.WaitsFor;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What a listener has in work at a moment, and what it has been doing. It is read while the listener goes on, without
 * stopping it, so numbers may differ by what happened in between; but what it says of records in flight adds up, no
 * partition has committed more than its frontier, and no frontier is past what was polled.
 *
 * <p>Threading: immutable.
 *
 * @param id the listener's id
 * @param ordering the order in which it handles records
 * @param maxInFlight the most records that it may have in flight
 * @param inFlight records polled and not finished
 * @param queued those of them that wait for their lane or for a worker; of quick records up to 31 finished ones, too
 * @param running those of them that are being handled, those in the back-off of a retry included
 * @param bytesInFlight bytes of keys and values in flight; 0 unless they are limited
 * @param partitions its assigned partitions in this JVM
 * @param state what the listener is doing as a whole
 * @param failure why it died; null if it did not
 * @param consumers its consumers in this JVM
 * @param limits what it must not exceed
 * @param recent what it has been doing in the last ten seconds
 * @param totals what it has done since the container was made
 * @param slowest the records that have been handled for longest, the longest first, a few at most
 * @param backingOff records that wait for their next attempt, or for their error handler
 * @param awaited records whose method has returned, and whose result or acknowledgment is awaited
 * @param lastCommit when a commit last succeeded; null if none has
 * @param alarms what the watchdog has found wrong and is not over
 * @param timeline what happened to it, the oldest first, some two hundred events at most
 */
public record ListenerSnapshot(
        String id,
        Ordering ordering,
        int maxInFlight,
        long inFlight,
        long queued,
        long running,
        long bytesInFlight,
        List<Partition> partitions,
        State state,
        @Nullable Throwable failure,
        int consumers,
        Limits limits,
        Recent recent,
        Totals totals,
        List<RunningRecord> slowest,
        int backingOff,
        int awaited,
        @Nullable Instant lastCommit,
        List<ListenerAlarm> alarms,
        List<ListenerEvent> timeline) {

    public ListenerSnapshot {
        partitions = List.copyOf(partitions);
        slowest = List.copyOf(slowest);
        alarms = List.copyOf(alarms);
        timeline = List.copyOf(timeline);
    }

    /** The partitions that are paused, for whatever reason. */
    public long pausedPartitions() {
        return partitions.stream().filter(Partition::paused).count();
    }

    /** Records between the consumers' positions and the ends of their partitions, where those are known. */
    public long lag() {
        return partitions.stream()
                .mapToLong(partition -> Math.max(0, partition.lag()))
                .sum();
    }

    /** Records between the frontiers and the ends of their partitions, where those are known: what is yet to be done. */
    public long frontierLag() {
        return partitions.stream()
                .mapToLong(partition -> Math.max(0, partition.frontierLag()))
                .sum();
    }

    /** Records polled past the frontiers: at most so many would come again if the JVM died now. */
    public long pastFrontier() {
        return partitions.stream().mapToLong(Partition::pastFrontier).sum();
    }

    /** How long ago the oldest unfinished record was polled; null if there is none. */
    public @Nullable Duration oldestUnfinished() {
        return partitions.stream()
                .map(Partition::oldestUnfinished)
                .filter(Objects::nonNull)
                .max(Duration::compareTo)
                .orElse(null);
    }

    /** How long it takes until nothing is left to do, at the present speed; null if it would never be so. */
    public @Nullable Duration timeToDrain() {
        long left = frontierLag();
        double perSecond = recent.finishedPerSecond() + recent.droppedPerSecond() - recent.arrivedPerSecond();
        if (left == 0) {
            return Duration.ZERO;
        }
        double seconds = left / perSecond;
        return perSecond <= 0 || seconds > 1e9 ? null : Duration.ofMillis((long) (seconds * 1000));
    }

    /** What a listener is doing as a whole. */
    public enum State {

        /** It has not been started, or has been stopped. */
        STOPPED,

        /** It polls and handles, or waits for records. */
        RUNNING,

        /** Somebody paused all of it. */
        PAUSED,

        /** It is being stopped: what runs is finished. */
        STOPPING,

        /** It was stopped by what it could not go on after. */
        FAILED
    }

    /** What a record waits for that is being handled. */
    public enum WaitsFor {

        /** The listener's method to return. */
        METHOD,

        /** The next attempt, or the error handler. */
        BACK_OFF,

        /** Somebody to call {@code acknowledge()}; the method has returned. */
        ACKNOWLEDGMENT,

        /** The asynchronous result of the method, which has returned. */
        RESULT
    }

    /**
     * What a listener must not exceed. 0 where there is no such limit.
     *
     * @param maxInFlight the most records in flight
     * @param resumeBelow paused consumers are resumed when in flight is at or below this
     * @param maxInFlightPerPartition the most records in flight of a partition
     * @param maxInFlightBytes the most bytes in flight
     * @param maxConcurrency the most records handled at the same moment
     * @param maxPollRecords the most records that a poll of one consumer brings
     * @param rateLimitRate tokens a second of the rate limit
     * @param rateLimitBurst the most tokens that a bucket of it holds
     * @param rateLimitWindowRecords records that may be started in any window
     * @param rateLimitWindow how long such a window is
     */
    public record Limits(
            long maxInFlight,
            long resumeBelow,
            int maxInFlightPerPartition,
            long maxInFlightBytes,
            int maxConcurrency,
            int maxPollRecords,
            long rateLimitRate,
            long rateLimitBurst,
            int rateLimitWindowRecords,
            Duration rateLimitWindow) {}

    /**
     * Half and 99 of 100 took no longer than this, in the time looked at. At most a fifth too high.
     *
     * @param p50 the median
     * @param p99 the 99th percentile
     */
    public record Quantiles(Duration p50, Duration p99) {}

    /**
     * What a listener has been doing in the last ten seconds. Busy, idle and paused add up to 1, unless it is stopped.
     *
     * @param time how long that was; less than ten seconds after a start
     * @param busy the share of its consumers' time in which records were in flight and nothing kept it from polling
     * @param idle the share in which nothing was in flight
     * @param paused the shares in which it was paused, by reason
     * @param workers the share of its workers' time that went into handling records, retries included
     * @param polledPerSecond records polled
     * @param arrivedPerSecond records appended to its partitions; what the consumers knew last of those that are paused
     * @param finishedPerSecond records that left flight, but for those that were dropped
     * @param droppedPerSecond records that were dropped
     * @param failedPerSecond attempts that failed
     * @param queueWait from the poll until a worker takes the record
     * @param handling from then until it is finished, retries included
     */
    public record Recent(
            Duration time,
            double busy,
            double idle,
            Map<PauseReason, Double> paused,
            double workers,
            double polledPerSecond,
            double arrivedPerSecond,
            double finishedPerSecond,
            double droppedPerSecond,
            double failedPerSecond,
            Quantiles queueWait,
            Quantiles handling) {

        public Recent {
            paused = Map.copyOf(paused);
        }

        /** Of a listener that is not running. */
        static Recent nothing() {
            Quantiles none = new Quantiles(Duration.ZERO, Duration.ZERO);
            return new Recent(Duration.ZERO, 0, 0, Map.of(), 0, 0, 0, 0, 0, 0, none, none);
        }
    }

    /**
     * What a listener has done since its container was made.
     *
     * @param polled records polled
     * @param outcomes records by how they ended
     * @param handlingSeconds how long their handling took in all
     * @param started records that a worker has taken
     * @param queueWaitSeconds how long they waited for it in all
     * @param failedAttempts attempts that failed
     * @param retries attempts after the first
     * @param pauses how often the listener, or one of its partitions, was paused
     * @param pausedSeconds for how long in all a consumer could poll nothing, by reason
     * @param resumes how often it was resumed
     * @param commits commits that succeeded
     * @param failedCommits commits that failed
     * @param damagedMetadata metadata of commits that was damaged and not believed
     * @param rebalances times that partitions were assigned, revoked or lost
     * @param drains times that leaving partitions were drained
     * @param drainSeconds how long that took in all
     * @param abandoned records that still ran when a drain had to end
     * @param alarms alarms that the watchdog has raised
     */
    public record Totals(
            long polled,
            Map<RecordOutcome, Long> outcomes,
            Map<RecordOutcome, Double> handlingSeconds,
            long started,
            double queueWaitSeconds,
            long failedAttempts,
            long retries,
            Map<PauseReason, Long> pauses,
            Map<PauseReason, Long> resumes,
            Map<PauseReason, Double> pausedSeconds,
            long commits,
            long failedCommits,
            long damagedMetadata,
            long rebalances,
            long drains,
            double drainSeconds,
            long abandoned,
            Map<ListenerAlarm.Kind, Long> alarms) {

        public Totals {
            outcomes = Map.copyOf(outcomes);
            handlingSeconds = Map.copyOf(handlingSeconds);
            pauses = Map.copyOf(pauses);
            resumes = Map.copyOf(resumes);
            pausedSeconds = Map.copyOf(pausedSeconds);
            alarms = Map.copyOf(alarms);
        }
    }

    /**
     * A record that is being handled. Of a batch it is the first one.
     *
     * @param topic its topic
     * @param partition its partition
     * @param offset its offset
     * @param key its key; who shows it must be allowed to
     * @param age how long it has been handled, retries included
     * @param waitsFor what it waits for
     * @param thread the thread that has it in hand; null if none has
     */
    public record RunningRecord(
            String topic,
            int partition,
            long offset,
            @Nullable Object key,
            Duration age,
            WaitsFor waitsFor,
            @Nullable Thread thread) {}

    /**
     * A partition's part in it.
     *
     * @param topic the topic
     * @param partition the partition's number
     * @param inFlight records polled and not finished
     * @param queued those of them that wait for their lane or for a worker
     * @param running those of them that are being handled
     * @param pauseReason why it is paused; null if it is not
     * @param frontier the offset up to which everything polled is finished, as of the consumer's last look; -1 if
     *     nothing has been polled
     * @param committed the offset committed last by this assignment, or where it began; -1 if nothing has been polled
     * @param lastPolled the offset of the newest record polled; -1 if there is none
     * @param consumer the name of the consumer that has it
     * @param pausedFor how long it has been paused for the present reason; null if it is not paused
     * @param position the offset that is polled next; -1 if that is not known
     * @param endOffset the end of the partition as the consumer's last fetch told it, which while it is paused is some
     *     time ago; -1 if that is not known
     * @param lag records from the position to the end; -1 if that is not known
     * @param pastFrontier records polled past the frontier, of which the first is not finished
     * @param oldestUnfinished how long ago that first one was polled; null if there is none
     * @param frontierStuck how long the frontier has been where it is although it is not at the end of what was polled;
     *     null if it is there
     */
    public record Partition(
            String topic,
            int partition,
            int inFlight,
            int queued,
            int running,
            @Nullable PauseReason pauseReason,
            long frontier,
            long committed,
            long lastPolled,
            String consumer,
            @Nullable Duration pausedFor,
            long position,
            long endOffset,
            long lag,
            long pastFrontier,
            @Nullable Duration oldestUnfinished,
            @Nullable Duration frontierStuck) {

        /** Whether the partition is paused. */
        public boolean paused() {
            return pauseReason != null;
        }

        /** Records between the frontier and the end: what is yet to be done; -1 if that is not known. */
        public long frontierLag() {
            return endOffset < 0 || frontier < 0 ? lag : Math.max(0, endOffset - frontier);
        }
    }
}
