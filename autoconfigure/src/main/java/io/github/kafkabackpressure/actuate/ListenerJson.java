package io.github.kafkabackpressure.actuate;

import io.github.kafkabackpressure.PauseReason;
import io.github.kafkabackpressure.listener.ListenerAlarm;
import io.github.kafkabackpressure.listener.ListenerEvent;
import io.github.kafkabackpressure.listener.ListenerSnapshot;
import io.github.kafkabackpressure.listener.ListenerSnapshot.Partition;
import io.github.kafkabackpressure.listener.ListenerSnapshot.Quantiles;
import io.github.kafkabackpressure.listener.ListenerSnapshot.Recent;
import io.github.kafkabackpressure.listener.ListenerSnapshot.RunningRecord;
import io.github.kafkabackpressure.listener.ListenerSnapshot.Totals;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How the endpoint writes down a listener: names in camel case, durations in milliseconds, moments in ISO 8601, reasons
 * and outcomes as properties write them. Nothing of a record but its coordinates, and its key where that is allowed.
 *
 * <p>Threading: any thread.
 */
final class ListenerJson {

    private final boolean showKeys;

    ListenerJson(boolean showKeys) {
        this.showKeys = showKeys;
    }

    /** @param details whether partitions, slowest records and timeline are told, too */
    Map<String, @Nullable Object> of(ListenerSnapshot listener, boolean details) {
        Map<String, @Nullable Object> json = new LinkedHashMap<>();
        json.put("id", listener.id());
        json.put("state", Json.name(listener.state()));
        json.put("failure", Json.failure(listener.failure()));
        json.put("ordering", Json.name(listener.ordering()));
        json.put("consumers", listener.consumers());
        json.put("limits", limits(listener.limits()));
        json.put("inFlight", listener.inFlight());
        json.put("queued", listener.queued());
        json.put("running", listener.running());
        json.put("bytesInFlight", listener.bytesInFlight());
        json.put("backingOff", listener.backingOff());
        json.put("awaited", listener.awaited());
        json.put("pausedPartitions", listener.pausedPartitions());
        json.put("lag", listener.lag());
        json.put("frontierLag", listener.frontierLag());
        json.put("timeToDrainMillis", Json.millis(listener.timeToDrain()));
        json.put("pastFrontier", listener.pastFrontier());
        json.put("oldestUnfinishedMillis", Json.millis(listener.oldestUnfinished()));
        json.put("lastCommit", Json.moment(listener.lastCommit()));
        json.put("recent", recent(listener.recent()));
        json.put("totals", totals(listener.totals()));
        json.put("alarms", Json.each(listener.alarms(), ListenerJson::alarm));
        if (details) {
            json.put("partitions", Json.each(listener.partitions(), ListenerJson::partition));
            json.put("slowest", Json.each(listener.slowest(), this::record));
            json.put("timeline", Json.each(listener.timeline(), ListenerJson::event));
        }
        return json;
    }

    private static Map<String, @Nullable Object> limits(ListenerSnapshot.Limits limits) {
        Map<String, @Nullable Object> json = new LinkedHashMap<>();
        json.put("maxInFlight", limits.maxInFlight());
        json.put("resumeBelow", limits.resumeBelow());
        json.put("maxInFlightPerPartition", Json.unlessZero(limits.maxInFlightPerPartition()));
        json.put("maxInFlightBytes", Json.unlessZero(limits.maxInFlightBytes()));
        json.put("maxConcurrency", limits.maxConcurrency());
        json.put("maxPollRecords", Json.unlessZero(limits.maxPollRecords()));
        json.put("rateLimitRate", Json.unlessZero(limits.rateLimitRate()));
        json.put("rateLimitBurst", Json.unlessZero(limits.rateLimitBurst()));
        json.put("rateLimitWindowRecords", Json.unlessZero(limits.rateLimitWindowRecords()));
        json.put(
                "rateLimitWindowMillis",
                Json.unlessZero(limits.rateLimitWindow().toMillis()));
        return json;
    }

    private static Map<String, @Nullable Object> recent(Recent recent) {
        Map<String, @Nullable Object> json = new LinkedHashMap<>();
        json.put("millis", recent.time().toMillis());
        json.put("busy", Json.rounded(recent.busy()));
        json.put("idle", Json.rounded(recent.idle()));
        Map<String, Object> paused = new LinkedHashMap<>();
        for (PauseReason reason : PauseReason.values()) {
            double share = recent.paused().getOrDefault(reason, 0.0);
            if (share > 0) {
                paused.put(Json.name(reason), Json.rounded(share));
            }
        }
        json.put("paused", paused);
        json.put("workers", Json.rounded(recent.workers()));
        json.put("polledPerSecond", Json.rounded(recent.polledPerSecond()));
        json.put("arrivedPerSecond", Json.rounded(recent.arrivedPerSecond()));
        json.put("finishedPerSecond", Json.rounded(recent.finishedPerSecond()));
        json.put("droppedPerSecond", Json.rounded(recent.droppedPerSecond()));
        json.put("failedPerSecond", Json.rounded(recent.failedPerSecond()));
        json.put("queueWaitMillis", quantiles(recent.queueWait()));
        json.put("handlingMillis", quantiles(recent.handling()));
        return json;
    }

    private static Map<String, @Nullable Object> quantiles(Quantiles quantiles) {
        Map<String, @Nullable Object> json = new LinkedHashMap<>();
        json.put("p50", Json.rounded(quantiles.p50().toNanos() / 1e6));
        json.put("p99", Json.rounded(quantiles.p99().toNanos() / 1e6));
        return json;
    }

    private static Map<String, @Nullable Object> totals(Totals totals) {
        Map<String, @Nullable Object> json = new LinkedHashMap<>();
        json.put("polled", totals.polled());
        json.put("outcomes", Json.byName(totals.outcomes()));
        json.put("failedAttempts", totals.failedAttempts());
        json.put("retries", totals.retries());
        json.put("pauses", Json.byName(totals.pauses()));
        json.put("resumes", Json.byName(totals.resumes()));
        Map<String, Object> pausedMillis = new LinkedHashMap<>();
        Json.byName(totals.pausedSeconds())
                .forEach((reason, seconds) -> pausedMillis.put(reason, (long) (seconds * 1000)));
        json.put("pausedMillis", pausedMillis);
        json.put("commits", totals.commits());
        json.put("failedCommits", totals.failedCommits());
        json.put("damagedMetadata", totals.damagedMetadata());
        json.put("rebalances", totals.rebalances());
        json.put("drains", totals.drains());
        json.put("drainMillis", (long) (totals.drainSeconds() * 1000));
        json.put("abandoned", totals.abandoned());
        json.put("alarms", Json.byName(totals.alarms()));
        return json;
    }

    private static Map<String, @Nullable Object> partition(Partition partition) {
        Map<String, @Nullable Object> json = new LinkedHashMap<>();
        json.put("topic", partition.topic());
        json.put("partition", partition.partition());
        json.put("consumer", partition.consumer());
        json.put("inFlight", partition.inFlight());
        json.put("queued", partition.queued());
        json.put("running", partition.running());
        json.put("paused", partition.pauseReason() == null ? null : Json.name(partition.pauseReason()));
        json.put("pausedMillis", Json.millis(partition.pausedFor()));
        json.put("frontier", Json.unlessNegative(partition.frontier()));
        json.put("committed", Json.unlessNegative(partition.committed()));
        json.put("position", Json.unlessNegative(partition.position()));
        json.put("endOffset", Json.unlessNegative(partition.endOffset()));
        json.put("lag", Json.unlessNegative(partition.lag()));
        json.put("frontierLag", Json.unlessNegative(partition.frontierLag()));
        json.put("pastFrontier", partition.pastFrontier());
        json.put("oldestUnfinishedMillis", Json.millis(partition.oldestUnfinished()));
        json.put("frontierStuckMillis", Json.millis(partition.frontierStuck()));
        return json;
    }

    private Map<String, @Nullable Object> record(RunningRecord record) {
        Map<String, @Nullable Object> json = new LinkedHashMap<>();
        json.put("topic", record.topic());
        json.put("partition", record.partition());
        json.put("offset", record.offset());
        if (showKeys) {
            json.put("key", record.key() == null ? null : String.valueOf(record.key()));
        }
        json.put("millis", record.age().toMillis());
        json.put("waitsFor", Json.name(record.waitsFor()));
        json.put("thread", record.thread() == null ? null : record.thread().getName());
        return json;
    }

    private static Map<String, @Nullable Object> alarm(ListenerAlarm alarm) {
        Map<String, @Nullable Object> json = new LinkedHashMap<>();
        json.put("kind", Json.name(alarm.kind()));
        json.put("since", alarm.since().toString());
        json.put("topic", alarm.topic());
        json.put("partition", Json.unlessNegative(alarm.partition()));
        json.put("offset", Json.unlessNegative(alarm.offset()));
        json.put("text", alarm.text());
        return json;
    }

    private static Map<String, @Nullable Object> event(ListenerEvent event) {
        Map<String, @Nullable Object> json = new LinkedHashMap<>();
        json.put("sequence", event.sequence());
        json.put("kind", Json.name(event.kind()));
        json.put("at", event.at().toString());
        json.put("until", event.until().toString());
        json.put("count", event.count());
        json.put("millis", event.millis());
        json.put("reason", event.reason().isEmpty() ? null : event.reason());
        json.put("topic", event.topic());
        json.put("partition", Json.unlessNegative(event.partition()));
        json.put("text", event.text());
        return json;
    }
}
