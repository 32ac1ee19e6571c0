package io.github.kafkabackpressure.metrics;

import io.github.kafkabackpressure.DropReason;
import io.github.kafkabackpressure.PauseReason;
import io.github.kafkabackpressure.RecordOutcome;
import io.github.kafkabackpressure.listener.BackpressuredMessageListenerContainer;
import io.github.kafkabackpressure.listener.ListenerAlarm;
import io.github.kafkabackpressure.listener.ListenerSnapshot;
import io.github.kafkabackpressure.listener.ListenerSnapshot.Recent;
import io.github.kafkabackpressure.listener.ListenerSnapshot.Totals;
import io.github.kafkabackpressure.listener.OverloadOptions;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The meters of a listener that read what its container knows when they are asked, so that they cost nothing per record.
 * All are tagged with the listener's id as {@code listener}; {@code docs/meters.md} describes them.
 *
 * <p>Threading: any thread.
 */
final class ListenerMeters extends SharedMeters {

    private static final String PREFIX = "kafka.backpressure.listener.";

    private final BackpressuredMessageListenerContainer<?, ?> container;

    private final Tags tags;

    /** Whether somebody else counts each record, in a histogram. */
    private final boolean timesRecords;

    private final @Nullable PartitionMeters partitions;

    private final Instant opened = Instant.now();

    /** What the meters read; a registry holds it only weakly. */
    private final ListenerLook look;

    ListenerMeters(
            MeterRegistry registry,
            BackpressuredMessageListenerContainer<?, ?> container,
            boolean timesRecords,
            boolean ofPartitions) {
        super(registry, PREFIX + container.getListenerId());
        this.container = container;
        this.tags = Tags.of("listener", container.getListenerId());
        this.timesRecords = timesRecords;
        this.partitions = ofPartitions ? new PartitionMeters(registry, tags) : null;
        this.look = new ListenerLook(container, partitions);
    }

    /** Takes all meters out of the registry. */
    void close() {
        remove();
        if (partitions != null) {
            partitions.remove();
        }
    }

    @Override
    List<Meter> register(MeterRegistry registry) {
        MeterRegistration to = new MeterRegistration(registry, PREFIX, tags, look);
        inWork(to);
        progress(to);
        time(to);
        totals(to);
        alarms(to);
        return to.meters();
    }

    private void inWork(MeterRegistration to) {
        to.gauge("in.flight", "records", "Records polled and not finished", ListenerSnapshot::inFlight);
        to.gauge("queued", "records", "Those that wait for their lane or a worker", ListenerSnapshot::queued);
        to.gauge("running", "records", "Those that are being handled", ListenerSnapshot::running);
        to.gauge("backing.off", "records", "Those that wait for their next attempt", ListenerSnapshot::backingOff);
        to.gauge(
                "awaited",
                "records",
                "Those whose method has returned and whose result or acknowledgment is awaited",
                ListenerSnapshot::awaited);
        to.gauge(
                "in.flight.bytes", "bytes", "Bytes in flight, where they are limited", ListenerSnapshot::bytesInFlight);
        to.gauge("limit", "records", "The most records that may be in flight", ListenerSnapshot::maxInFlight);
        to.gauge(
                "limit.bytes",
                "bytes",
                "The most bytes that may be in flight; 0: any number",
                now -> now.limits().maxInFlightBytes());
        to.gauge(
                "limit.concurrency",
                "workers",
                "The most records handled at the same moment",
                now -> now.limits().maxConcurrency());
        to.gauge(
                "workers.utilisation",
                null,
                "The share of the workers' time in the last ten seconds that went into records",
                now -> now.recent().workers());
        to.gauge(
                "partitions",
                "partitions",
                "Assigned partitions",
                now -> now.partitions().size());
        to.gauge("partitions.paused", "partitions", "Paused partitions", ListenerSnapshot::pausedPartitions);
    }

    private void progress(MeterRegistration to) {
        to.gauge(
                "lag",
                "records",
                "Records between the positions and the ends of the partitions",
                ListenerSnapshot::lag);
        to.gauge(
                "frontier.lag",
                "records",
                "Records between the frontiers and the ends: what is yet to be done",
                ListenerSnapshot::frontierLag);
        to.gauge(
                "past.frontier",
                "records",
                "Records polled past the frontiers: what would come again after a crash",
                ListenerSnapshot::pastFrontier);
        to.seconds("time.to.drain", "How long until nothing is left to do, at the present rates", now -> {
            Duration left = now.timeToDrain();
            return left == null ? Double.POSITIVE_INFINITY : seconds(left);
        });
        to.seconds("oldest.unfinished", "How long ago the oldest unfinished record was polled", now -> {
            Duration age = now.oldestUnfinished();
            return age == null ? 0 : seconds(age);
        });
        to.seconds(
                "slowest.running",
                "How long the record has been handled that has been for longest",
                now -> now.slowest().stream()
                        .findFirst()
                        .map(record -> seconds(record.age()))
                        .orElse(0.0));
        to.seconds("last.commit.age", "How long ago a commit last succeeded, or the listener was started", now -> {
            Instant commit = now.lastCommit();
            return seconds(
                    Duration.between(commit == null || commit.isBefore(opened) ? opened : commit, Instant.now()));
        });
    }

    private void time(MeterRegistration to) {
        to.gauge(
                "time.share",
                null,
                "Share of the last ten seconds",
                Tags.of("state", "busy", "reason", "none"),
                now -> now.recent().busy());
        to.gauge(
                "time.share",
                null,
                "Share of the last ten seconds",
                Tags.of("state", "idle", "reason", "none"),
                now -> now.recent().idle());
        for (PauseReason reason : PauseReason.values()) {
            to.gauge(
                    "time.share",
                    null,
                    "Share of the last ten seconds",
                    Tags.of("state", "paused", "reason", tag(reason)),
                    now -> now.recent().paused().getOrDefault(reason, 0.0));
            to.counter(
                    "pauses",
                    null,
                    "Pauses of the listener or of a partition",
                    Tags.of("reason", tag(reason)),
                    totals -> totals.pauses().getOrDefault(reason, 0L));
            to.counter(
                    "resumes",
                    null,
                    "Ends of such pauses",
                    Tags.of("reason", tag(reason)),
                    totals -> totals.resumes().getOrDefault(reason, 0L));
            to.counter(
                    "paused.time",
                    "seconds",
                    "Time in which a consumer could poll nothing",
                    Tags.of("reason", tag(reason)),
                    totals -> totals.pausedSeconds().getOrDefault(reason, 0.0));
        }
        if (!timesRecords) {
            to.timer(
                    "queue.wait",
                    "Time from the poll until a worker takes a record",
                    Tags.empty(),
                    Totals::started,
                    totals -> totals.queueWaitSeconds());
            for (RecordOutcome outcome : EnumSet.complementOf(EnumSet.of(RecordOutcome.REMEMBERED))) { // not handled
                to.timer(
                        "handling",
                        "Time that handling a record takes, retries included; its count counts records",
                        Tags.of("outcome", tag(outcome)),
                        totals -> totals.outcomes().getOrDefault(outcome, 0L),
                        totals -> totals.handlingSeconds().getOrDefault(outcome, 0.0));
            }
        }
        quantiles(to, "queue.wait.recent", Recent::queueWait);
        quantiles(to, "handling.recent", Recent::handling);
    }

    private static void quantiles(MeterRegistration to, String name, Function<Recent, ListenerSnapshot.Quantiles> of) {
        String description = "What half, or 99 of 100, took no longer than in the last ten seconds";
        to.seconds(
                name,
                description,
                Tags.of("quantile", "0.5"),
                now -> seconds(of.apply(now.recent()).p50()));
        to.seconds(
                name,
                description,
                Tags.of("quantile", "0.99"),
                now -> seconds(of.apply(now.recent()).p99()));
    }

    private void totals(MeterRegistration to) {
        to.counter("polled", "records", "Records polled", Tags.empty(), Totals::polled);
        for (RecordOutcome outcome : RecordOutcome.values()) {
            to.counter(
                    "records",
                    "records",
                    "Records by how they ended",
                    Tags.of("outcome", tag(outcome)),
                    totals -> totals.outcomes().getOrDefault(outcome, 0L));
        }
        OverloadOptions overload = container.getOptions().overload();
        for (DropReason reason : overload.drops() ? DropReason.values() : new DropReason[0]) {
            to.counter(
                    "dropped",
                    "records",
                    "Records dropped unhandled, by what dropped them and why",
                    Tags.of("strategy", overload.strategy(reason), "reason", reason.text()),
                    totals -> container.getDropped().getOrDefault(reason, 0L));
        }
        to.counter("attempts.failed", "attempts", "Attempts that failed", Tags.empty(), Totals::failedAttempts);
        to.counter("retries", "attempts", "Attempts after the first", Tags.empty(), Totals::retries);
        to.counter("commits", null, "Commits", Tags.of("result", "success"), Totals::commits);
        to.counter("commits", null, "Commits", Tags.of("result", "failure"), Totals::failedCommits);
        to.counter(
                "commits.damaged",
                null,
                "Metadata of commits that was damaged and not believed",
                Tags.empty(),
                Totals::damagedMetadata);
        to.counter("rebalances", null, "Times that partitions came or went", Tags.empty(), Totals::rebalances);
        to.timer("drain", "Drains of partitions that leave", Tags.empty(), Totals::drains, Totals::drainSeconds);
        to.counter(
                "abandoned",
                "records",
                "Records that still ran when a drain had to end",
                Tags.empty(),
                Totals::abandoned);
    }

    private static void alarms(MeterRegistration to) {
        for (ListenerAlarm.Kind kind : ListenerAlarm.Kind.values()) {
            Tags of = Tags.of("kind", tag(kind));
            to.counter(
                    "alarms",
                    null,
                    "Alarms that the watchdog has raised",
                    of,
                    totals -> totals.alarms().getOrDefault(kind, 0L));
            to.gauge(
                    "alarms.active",
                    null,
                    "Alarms that are on",
                    of,
                    now -> now.alarms().stream()
                            .filter(alarm -> alarm.kind() == kind)
                            .count());
        }
    }

    private static double seconds(Duration duration) {
        return duration.toNanos() / 1e9;
    }

    static String tag(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
