package io.github.kafkabackpressure.producer;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * What became of the records that producers held when the context stopped. Published as an application event and
 * logged, once per stop in which a producer was open or a buffer held a record.
 *
 * <p>Threading: immutable.
 *
 * @param producers how many producers were flushed, the unflushed included
 * @param unflushed ids of the producers that were not flushed in time, each with the reason
 * @param took how long it took
 * @param topics what became of each buffered template's records from the start of the stop, by topic; records of a
 *     plain {@code KafkaTemplate} are in no buffer and are not counted
 * @param unanswered records of buffered templates without a spool that are in flight still, with a producer that could not
 *     be closed: its own thread is busy in a callback, or it is another context's. They count as not delivered, and their
 *     futures end with that producer; they are in no topic of {@code topics}
 */
public record ProducerFlushReport(
        int producers, List<String> unflushed, Duration took, Map<String, Counts> topics, long unanswered) {

    public ProducerFlushReport {
        unflushed = List.copyOf(unflushed);
        topics = Map.copyOf(topics);
    }

    /** A report of records that were all answered for. */
    public ProducerFlushReport(int producers, List<String> unflushed, Duration took, Map<String, Counts> topics) {
        this(producers, unflushed, took, topics, 0);
    }

    /**
     * The records of one topic.
     *
     * @param delivered acknowledged by the broker
     * @param failed refused by the broker or by Kafka's producer
     * @param notDelivered not acknowledged when the time was up; a few of them may have reached the broker all the same
     * @param spooled of those not delivered, how many were written to the spool directory
     */
    public record Counts(long delivered, long failed, long notDelivered, long spooled) {

        Counts plus(Counts other) {
            return new Counts(
                    delivered + other.delivered,
                    failed + other.failed,
                    notDelivered + other.notDelivered,
                    spooled + other.spooled);
        }
    }

    /** Whether every producer was flushed and every record was delivered. */
    public boolean complete() {
        return unflushed.isEmpty() && failed() == 0 && notDelivered() == 0;
    }

    /**
     * Whether all buffered records that were not delivered are in the spool, so that none is lost. What plain templates
     * held nobody counts: of those that could not be flushed each such record has ended with an exception.
     */
    public boolean keptAll() {
        return failed() == 0 && notDelivered() > 0 && notDelivered() == spooled();
    }

    /** Records acknowledged by the broker. */
    public long delivered() {
        return topics.values().stream().mapToLong(Counts::delivered).sum();
    }

    /** Records refused by the broker or by Kafka's producer. */
    public long failed() {
        return topics.values().stream().mapToLong(Counts::failed).sum();
    }

    /** Records that were not acknowledged when the time was up. */
    public long notDelivered() {
        return topics.values().stream().mapToLong(Counts::notDelivered).sum() + unanswered;
    }

    /** Of the records that were not delivered, those that were written to the spool directory. */
    public long spooled() {
        return topics.values().stream().mapToLong(Counts::spooled).sum();
    }

    /** A line for people: what was done in what time, what was left, and of which topics. */
    @Override
    public String toString() {
        long millis = took.toMillis();
        String time = millis < 1000 ? millis + " ms" : "%.1f s".formatted(millis / 1000.0);
        StringBuilder line = new StringBuilder();
        if (producers == 0) {
            line.append("No Kafka producer was open, after ").append(time);
        } else if (unflushed.isEmpty()) {
            line.append("Flushed %d Kafka producer%s in %s".formatted(producers, producers == 1 ? "" : "s", time));
        } else {
            line.append(
                    producers == 1
                            ? "The Kafka producer could not be flushed in " + time
                            : "%d of %d Kafka producers could not be flushed in %s"
                                    .formatted(unflushed.size(), producers, time));
            line.append(": ").append(String.join(", ", unflushed));
        }
        if (topics.isEmpty() && unanswered == 0) {
            // Nobody has counted: plain templates do not, and the buffered ones had nothing.
            return line.toString();
        }
        line.append(". Of the buffered records ")
                .append(ends(delivered(), failed(), notDelivered() - spooled() - unanswered, spooled(), unanswered));
        String left = topics.entrySet().stream()
                .filter(topic -> topic.getValue().failed() + topic.getValue().notDelivered() > 0)
                .sorted(Map.Entry.comparingByKey())
                .map(topic -> topic.getKey() + ": " + left(topic.getValue()))
                .collect(Collectors.joining("; "));
        return left.isEmpty() ? line.toString() : line.append(" (" + left + ")").toString();
    }

    private static String left(Counts counts) {
        return ends(0, counts.failed, counts.notDelivered - counts.spooled, counts.spooled, 0);
    }

    /** What there was none of is not spoken of. */
    private static String ends(long delivered, long failed, long lost, long spooled, long unanswered) {
        List<String> ends = new ArrayList<>();
        if (delivered > 0) {
            ends.add("%d %s delivered".formatted(delivered, delivered == 1 ? "was" : "were"));
        }
        if (failed > 0) {
            ends.add("%d failed".formatted(failed));
        }
        if (lost > 0) {
            ends.add("%d %s lost".formatted(lost, lost == 1 ? "is" : "are"));
        }
        if (spooled > 0) {
            ends.add("%d %s kept in the spool for the next start".formatted(spooled, spooled == 1 ? "is" : "are"));
        }
        if (unanswered > 0) {
            ends.add("%d %s no answer from the producer yet".formatted(unanswered, unanswered == 1 ? "has" : "have"));
        }
        return ends.isEmpty() ? "none was left" : String.join(", ", ends);
    }
}
