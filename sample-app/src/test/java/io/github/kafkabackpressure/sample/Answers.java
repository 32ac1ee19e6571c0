package io.github.kafkabackpressure.sample;

import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * An answer of the endpoint, as docs/endpoint.md describes it.
 *
 * @param writable whether the endpoint may be written
 * @param producers each as JSON
 */
record Answers(boolean writable, List<Listener> listeners, List<String> producers) {

    /**
     * A listener.
     *
     * @param brief what every answer has of it
     * @param details what only one has that asks for it
     */
    record Listener(String id, String brief, String details) {

        /** The same with other fields, as JSON, after its own. */
        Listener with(String more) {
            return new Listener(id, brief + "," + more, details);
        }
    }

    /** @param details the listener that is asked for with all that there is; null for all of them */
    String json(String details) {
        String all = listeners.stream()
                .map(one ->
                        "{" + one.brief + (details == null || details.equals(one.id) ? "," + one.details : "") + "}")
                .collect(Collectors.joining(","));
        return "{\"time\": \"%s\", \"writable\": %s, \"listeners\": [%s], \"producers\": [%s]}"
                .formatted(Instant.now(), writable, all, String.join(",", producers));
    }

    /** A listener with some partitions of a topic; {@code seed} makes its numbers other ones. */
    static Listener listener(String id, String topic, String state, int maxInFlight, int partitions, int seed) {
        int inFlight = Math.min(maxInFlight, 100 + seed * 37 % 200);
        double paused = (seed % 10) / 20.0;
        String brief = String.format(
                Locale.ROOT,
                """
                "id": "%s", "state": "%s", "failure": %s, "ordering": "key", "consumers": 1, "pressure": "normal",
                "dropped": {"max-age": 17, "newer-record": %d},
                "limits": {"maxInFlight": %d, "resumeBelow": %d, "maxInFlightPerPartition": null, "maxInFlightBytes": null,
                  "maxConcurrency": 16, "maxPollRecords": 75, "rateLimitRate": null, "rateLimitBurst": null,
                  "rateLimitWindowRecords": null, "rateLimitWindowMillis": null},
                "inFlight": %d, "queued": %d, "running": 16, "bytesInFlight": 0, "backingOff": 1, "awaited": 0,
                "pausedPartitions": %d, "lag": %d, "frontierLag": %d, "timeToDrainMillis": 5300, "pastFrontier": 120,
                "oldestUnfinishedMillis": %d, "lastCommit": "%s",
                "recent": {"millis": 10000, "busy": %.3f, "idle": 0.1, "paused": {"max-in-flight": %.3f}, "workers": 0.93,
                  "polledPerSecond": 790.2, "arrivedPerSecond": %.1f, "finishedPerSecond": %.1f, "droppedPerSecond": 0.0,
                  "failedPerSecond": 0.1, "queueWaitMillis": {"p50": %.1f, "p99": 720.0}, "handlingMillis": {"p50": 20.0, "p99": 41.9}},
                "totals": {"polled": 8021, "outcomes": {"handled": %d, "recovered": 1, "remembered": 0, "unfinished": 0},
                  "failedAttempts": 3, "retries": 2, "pauses": {"max-in-flight": 12}, "resumes": {"max-in-flight": 11},
                  "commits": 41, "failedCommits": 0, "rebalances": 1, "drains": 0, "drainMillis": 0, "abandoned": 0}""",
                id,
                state,
                state.equals("failed") ? "[{\"type\": \"java.lang.StackOverflowError\", \"message\": null}]" : "null",
                1200 + seed,
                maxInFlight,
                maxInFlight / 2,
                inFlight,
                Math.max(0, inFlight - 16),
                partitions / 3,
                1000 + seed,
                1100 + seed,
                600 + seed % 100,
                Instant.now(),
                0.9 - paused,
                paused,
                900.0 + seed % 300,
                700.0 + seed % 200,
                300.0 + seed % 50,
                7208 + seed);
        String cells = IntStream.range(0, partitions)
                .mapToObj(partition -> partition(topic, partition, seed + partition))
                .collect(Collectors.joining(","));
        String details = String.format(
                Locale.ROOT,
                """
                "partitions": [%s],
                "slowest": [{"topic": "%s", "partition": 0, "offset": %d, "millis": 320, "waitsFor": "back-off",
                  "thread": "%s-W-3"}],
                "timeline": [
                  {"sequence": 1, "kind": "assigned", "at": "%s", "until": "%s", "count": 1, "millis": 0, "reason": null,
                   "topic": "%s", "partition": 0, "text": ""},
                  {"sequence": %d, "kind": "paused", "at": "%s", "until": "%s", "count": 12, "millis": 7600,
                   "reason": "max-in-flight", "topic": null, "partition": null, "text": ""}]""",
                cells,
                topic,
                7209 + seed,
                id,
                Instant.now(),
                Instant.now(),
                topic,
                2 + seed,
                Instant.now(),
                Instant.now());
        return new Listener(id, brief, details).with("\"alarms\": []");
    }

    /** Alarms in place of those that a listener has. */
    static Listener alarmed(Listener listener, String topic) {
        String alarm = """
                "alarms": [{"kind": "slow-record", "since": "%s", "topic": "%s", "partition": 0, "offset": 7209,
                  "text": "the record %s-0@7209 has been handled for 60 s: its method has not returned, on thread %s-W-3"}]""".formatted(Instant.now(), topic, topic, listener.id);
        return new Listener(listener.id, listener.brief.replace("\"alarms\": []", alarm), listener.details);
    }

    private static String partition(String topic, int partition, int seed) {
        boolean paused = seed % 3 == 0;
        return """
                {"topic": "%s", "partition": %d, "consumer": "c-0", "inFlight": %d, "queued": 10, "running": 2,
                 "paused": %s, "pausedMillis": %s, "frontier": %d, "committed": 7180, "position": %d, "endOffset": 9221,
                 "lag": 1200, "frontierLag": 2012, "pastFrontier": %d, "oldestUnfinishedMillis": %d,
                 "frontierStuckMillis": %d}""".formatted(
                        topic,
                        partition,
                        seed % 4 == 1 ? 0 : seed % 50,
                        paused ? "\"max-in-flight\"" : "null",
                        paused ? seed % 900 : "null",
                        7000 + seed,
                        8000 + seed,
                        seed % 90,
                        seed % 700,
                        seed % 11 == 10 ? 61_000 : 15);
    }

    static String producer(String name, String state, int buffered) {
        return """
                {"name": "%s", "state": "%s", "overflow": "block",
                 "limits": {"softLimit": 8000, "maxBuffered": 10000, "maxBufferedBytes": 67108864, "maxInFlight": 10000},
                 "buffered": %d, "bufferedBytes": 4711, "inFlight": 12, "slow": false, "blocked": 3, "blockedTotal": 70,
                 "blockedMillis": 12300, "accepted": 51200, "outcomes": {"delivered": 51188, "failed": 3, "rejected": 0},
                 "timeline": [
                   {"sequence": %d, "kind": "state", "at": "%s", "state": "%s", "buffered": %d},
                   {"sequence": 9, "kind": "flushed", "at": "%s", "complete": false, "millis": 10000,
                    "text": "The Kafka producer could not be flushed in 10.0 s: %s"}]}""".formatted(
                name, state, buffered, 1 + name.length() % 8, Instant.now(), state, buffered, Instant.now(), name);
    }
}
