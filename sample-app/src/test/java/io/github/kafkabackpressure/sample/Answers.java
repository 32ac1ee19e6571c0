package io.github.kafkabackpressure.sample;

import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Answers of the endpoint, as docs/endpoint.md describes them. */
final class Answers {

    private Answers() {}

    static String of(boolean writable, List<String> listeners, List<String> producers) {
        return "{\"time\": \"%s\", \"writable\": %s, \"listeners\": [%s], \"producers\": [%s]}"
                .formatted(Instant.now(), writable, String.join(",", listeners), String.join(",", producers));
    }

    /** A listener with some partitions of a topic; {@code seed} makes its numbers other ones. */
    static String listener(String id, String topic, String state, int maxInFlight, int partitions, int seed) {
        String cells = IntStream.range(0, partitions)
                .mapToObj(partition -> partition(topic, partition, seed + partition))
                .collect(Collectors.joining(","));
        int inFlight = Math.min(maxInFlight, 100 + seed * 37 % 200);
        double paused = (seed % 10) / 20.0;
        return String.format(
                Locale.ROOT,
                """
                {"id": "%s", "state": "%s", "failure": %s, "ordering": "key", "consumers": 1,
                 "limits": {"maxInFlight": %d, "resumeBelow": %d, "maxInFlightPerPartition": null, "maxInFlightBytes": null,
                   "maxConcurrency": 16, "maxPollRecords": 75},
                 "inFlight": %d, "queued": %d, "running": 16, "bytesInFlight": 0, "backingOff": 1, "awaited": 0,
                 "pausedPartitions": %d, "lag": %d, "frontierLag": %d, "timeToDrainMillis": 5300, "pastFrontier": 120,
                 "oldestUnfinishedMillis": %d, "lastCommit": "%s",
                 "dropped": {"max-age": 17, "newer-record": 1200},
                 "recent": {"millis": 10000, "busy": %.3f, "idle": 0.1, "paused": {"max-in-flight": %.3f}, "workers": 0.93,
                   "polledPerSecond": 790.2, "arrivedPerSecond": %.1f, "finishedPerSecond": %.1f, "failedPerSecond": 0.1,
                   "queueWaitMillis": {"p50": %.1f, "p99": 720.0}, "handlingMillis": {"p50": 20.0, "p99": 41.9}},
                 "totals": {"polled": 8021, "outcomes": {"handled": 7208, "recovered": 1, "unfinished": 0},
                   "failedAttempts": 3, "retries": 2, "pauses": {"max-in-flight": 12}, "resumes": {"max-in-flight": 11},
                   "commits": 41, "failedCommits": 0, "rebalances": 1, "drains": 0, "drainMillis": 0, "abandoned": 0},
                 "partitions": [%s],
                 "slowest": [{"topic": "%s", "partition": 0, "offset": %d, "millis": 320, "waitsFor": "back-off",
                   "thread": "%s-W-3"}],
                 "timeline": [
                   {"sequence": 1, "kind": "assigned", "at": "%s", "until": "%s", "count": 1, "millis": 0, "reason": null,
                    "topic": "%s", "partition": 0, "text": ""},
                   {"sequence": %d, "kind": "paused", "at": "%s", "until": "%s", "count": 12, "millis": 7600,
                    "reason": "max-in-flight", "topic": null, "partition": null, "text": ""}]}""",
                id,
                state,
                state.equals("failed") ? "[{\"type\": \"java.lang.StackOverflowError\", \"message\": null}]" : "null",
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
                 "buffered": %d, "bufferedBytes": 4711, "inFlight": 12, "slow": false, "accepted": 51200,
                 "outcomes": {"delivered": 51188, "failed": 3, "rejected": 0}}""".formatted(name, state, buffered);
    }
}
