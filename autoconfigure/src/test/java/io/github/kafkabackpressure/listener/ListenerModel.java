package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.progress.OffsetRanges;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;

/**
 * One random schedule of a listener: polls, starts and ends of records in any order, pauses, rebalances, seeks, failed
 * commits, and at the end a stop or a drain. What must hold always is looked at after each step; what must hold in the
 * end, that nothing is left behind and nothing stands still, after the drain.
 *
 * <p>Threading: the test's thread.
 */
final class ListenerModel implements SteppedListener.Observer {

    /** What a schedule found to be wrong. */
    static final class Violation extends AssertionError {

        private static final long serialVersionUID = 1L;

        Violation(String what, List<String> steps) {
            super(what + "\nafter "
                    + String.join("\n      ", steps.subList(Math.max(0, steps.size() - 60), steps.size())));
        }
    }

    /** Where in a lane the model is: what runs, and which offset was started last. */
    private static final class Lane {

        private final Set<Long> running = new HashSet<>();

        private long lastStarted = -1;
    }

    private static final int STEPS = 45;

    private static final int ROUNDS_TO_DRAIN = 400;

    private final Random random;

    private final Ordering ordering;

    private final int maxInFlight;

    private final List<TopicPartition> partitions = new ArrayList<>();

    private final KafkaFactory factory;

    private final Map<String, ?> settings;

    private final int pollSize;

    private final double resumeAt;

    private final int workers;

    private final int maxMetadata;

    private SteppedKafka kafka;

    private SteppedListener listener;

    /** What the commit remembered with which a partition was assigned, and nobody has sought since. */
    private final Map<TopicPartition, OffsetRanges> notAgain = new HashMap<>();

    private final int keys;

    private final Map<TopicPartition, Set<Long>> handled = new HashMap<>();

    /** What a user's seek passed over before it was ever polled: nobody owes it a handling. */
    private final Map<TopicPartition, Set<Long>> passedOver = new HashMap<>();

    private final Map<TopicPartition, Map<Object, Lane>> lanes = new HashMap<>();

    private final Set<TopicPartition> pausedByUser = new HashSet<>();

    /** Where partitions were sought to since the last poll. */
    private final Map<TopicPartition, Long> soughtTo = new HashMap<>();

    private final List<String> steps = new ArrayList<>();

    /**
     * Sets up a schedule.
     *
     * @param broken wraps Kafka's consumer, to see that the model finds what is broken there
     */
    ListenerModel(long seed, KafkaFactory broken, Map<String, ?> settings) {
        random = new Random(seed);
        ordering = Ordering.values()[random.nextInt(3)];
        factory = broken;
        this.settings = settings;
        pollSize = 1 + random.nextInt(4);
        maxInFlight = pollSize + random.nextInt(14);
        resumeAt = random.nextInt(3) / 2.0;
        workers = 1 + random.nextInt(6);
        keys = 1 + random.nextInt(4);
        for (int number = random.nextInt(3); number >= 0; number--) {
            partitions.add(new TopicPartition("topic", number));
        }
        maxMetadata = List.of(48, 64, 4096).get(random.nextInt(3));
        kafka = broken.create(pollSize, partitions);
        partitions.forEach(this::forget);
        partitions.forEach(partition -> {
            handled.put(partition, new HashSet<>());
            passedOver.put(partition, new HashSet<>());
        });
        steps.add(ordering + ", max-in-flight " + maxInFlight + ", polls of " + pollSize + ", resume-at " + resumeAt
                + ", " + workers + " workers, " + partitions.size() + " partitions, " + keys + " keys");
        listener = listener();
    }

    private SteppedListener listener() {
        ListenerOptions options = TestOptions.of(ordering, maxInFlight, resumeAt, null, workers, settings);
        return new SteppedListener(kafka, options, pollSize, false, this, maxMetadata);
    }

    /** Makes the Kafka of a schedule. */
    interface KafkaFactory {

        SteppedKafka create(int pollSize, List<TopicPartition> partitions);
    }

    private void forget(TopicPartition partition) {
        lanes.put(partition, new HashMap<>());
        pausedByUser.remove(partition);
        notAgain.put(partition, kafka.remembered(partition));
    }

    void run() {
        kafka.rebalance(partitions);
        for (int step = 0; step < STEPS; step++) {
            step();
            check();
        }
        if (random.nextInt(3) == 0) {
            stop();
        } else {
            drain();
        }
    }

    private void step() {
        switch (random.nextInt(15)) {
            case 0, 1 -> append();
            case 2, 3, 4 -> poll();
            case 5, 6 -> startSome();
            case 7, 8 -> finishOne();
            case 9 -> finishSome();
            case 10 -> advance();
            case 11 -> pauseOrResume();
            case 12 -> rebalance();
            case 13 -> crashSometimes();
            default -> seekOrFailCommit();
        }
    }

    private void note(String step) {
        steps.add(step);
    }

    private TopicPartition anyPartition() {
        return partitions.get(random.nextInt(partitions.size()));
    }

    private void append() {
        TopicPartition partition = anyPartition();
        long offset = kafka.end(partition);
        for (int count = 1 + random.nextInt(6); count > 0; count--) {
            offset += random.nextInt(5) == 0 ? random.nextInt(4) : 0;
            kafka.append(partition, offset++, random.nextInt(keys));
        }
        note("append to " + partition + " up to " + offset);
    }

    private void poll() {
        note("poll");
        // Seeks take effect with the next poll: from then on what is at or past the target comes again.
        soughtTo.forEach((partition, target) -> lanes.get(partition)
                .values()
                .forEach(lane -> lane.lastStarted = Math.min(lane.lastStarted, target - 1)));
        soughtTo.clear();
        listener.poll();
    }

    private void startSome() {
        note("workers");
        listener.runWorkers();
    }

    private void finishOne() {
        if (!listener.running.isEmpty()) {
            finish(listener.running.get(random.nextInt(listener.running.size())));
        }
    }

    private void finish(SteppedListener.Running record) {
        note("finish " + at(record.task().record));
        if (record.task().partition.gone && random.nextBoolean()) {
            listener.abandon(record);
        } else {
            listener.finish(record);
        }
    }

    private void finishSome() {
        for (SteppedListener.Running record : List.copyOf(listener.running)) {
            if (random.nextBoolean()) {
                finish(record);
            }
        }
    }

    private void advance() {
        Duration time = Duration.ofMillis(random.nextInt(3) == 0 ? 2_000 : 60);
        note("after " + time);
        listener.advance(time);
    }

    private void pauseOrResume() {
        TopicPartition partition = anyPartition();
        if (!kafka.assignment().contains(partition)) {
            return;
        }
        if (pausedByUser.remove(partition)) {
            note("resume " + partition);
            listener.consumer.resume(List.of(partition));
        } else {
            note("pause " + partition);
            pausedByUser.add(partition);
            listener.consumer.pause(List.of(partition));
        }
    }

    private void rebalance() {
        List<TopicPartition> kept =
                partitions.stream().filter(partition -> random.nextInt(3) > 0).toList();
        boolean lost = random.nextInt(3) == 0;
        note((lost ? "lose all but " : "rebalance to ") + kept);
        List<TopicPartition> leaving = kafka.assignment().stream()
                .filter(partition -> !kept.contains(partition))
                .toList();
        if (lost) {
            kafka.lose(kept);
        } else {
            kafka.rebalance(kept);
        }
        leaving.forEach(this::forget);
    }

    /** The consumer's process dies, and another one begins. */
    private void crashSometimes() {
        if (random.nextInt(3) > 0) {
            return;
        }
        note("crash");
        SteppedKafka next = factory.create(pollSize, partitions);
        next.takeOver(kafka);
        kafka = next;
        partitions.forEach(this::forget);
        soughtTo.clear();
        listener = listener();
        kafka.rebalance(partitions);
    }

    private void seekOrFailCommit() {
        TopicPartition partition = anyPartition();
        if (random.nextBoolean() || !kafka.assignment().contains(partition)) {
            note("the next commit fails");
            kafka.failNextCommit(new CommitFailedException());
            return;
        }
        long target = random.nextInt((int) kafka.end(partition) + 2);
        note("seek " + partition + " to " + target);
        long position = kafka.position(partition);
        listener.consumer.seek(partition, target);
        for (long offset = position; offset < target; offset++) {
            passedOver.get(partition).add(offset); // what will be appended there, too
        }
        soughtTo.merge(partition, target, Math::min);
        notAgain.computeIfPresent(partition, (sought, ranges) -> ranges.below(target));
    }

    private void stop() {
        note("stop");
        listener.consumer.close();
        pausedByUser.clear();
        check();
        List.copyOf(listener.running).forEach(this::finish);
        require(listener.run.limit.inFlight() == 0, "in flight after the stop: " + listener.run.limit.inFlight());
        check();
    }

    /** From here on nothing disturbs: all there is must be handled, and be committed. */
    private void drain() {
        note("drain");
        kafka.rebalance(partitions);
        List.copyOf(pausedByUser).forEach(partition -> listener.consumer.resume(List.of(partition)));
        pausedByUser.clear();
        for (int round = 0; round < ROUNDS_TO_DRAIN && !isDrained(); round++) {
            poll();
            listener.runWorkers();
            List.copyOf(listener.running).forEach(this::finish);
            listener.advance(Duration.ofMillis(500));
            check();
        }
        for (TopicPartition partition : partitions) {
            Set<Long> missing = new HashSet<>(kafka.logs.get(partition).keySet());
            missing.removeAll(handled.get(partition));
            missing.removeAll(passedOver.get(partition));
            require(missing.isEmpty(), "never handled of " + partition + ": " + missing);
            require(
                    isCommitted(partition),
                    "committed of " + partition + " " + kafka.groupOffset(partition) + " of " + kafka.end(partition));
        }
        require(listener.run.limit.inFlight() == 0, "in flight after the drain: " + listener.run.limit.inFlight());
        require(kafka.paused().isEmpty(), "still paused: " + kafka.paused());
    }

    private boolean isDrained() {
        return listener.running.isEmpty()
                && listener.run.limit.inFlight() == 0
                && partitions.stream()
                        .allMatch(partition ->
                                kafka.position(partition) >= kafka.end(partition) && isCommitted(partition))
                && kafka.paused().isEmpty();
    }

    /** Whether all is committed, but where a seek has left nothing to be polled: that commits nothing by itself. */
    private boolean isCommitted(TopicPartition partition) {
        return kafka.groupOffset(partition) >= kafka.end(partition)
                || passedOver.get(partition).contains(kafka.end(partition) - 1);
    }

    private void check() {
        long inFlight = listener.run.limit.inFlight();
        require(inFlight <= maxInFlight, "in flight " + inFlight);
        require(
                kafka.paused().containsAll(pausedByUser),
                "paused are " + kafka.paused() + " and the user paused " + pausedByUser);
        require(listener.consumer.paused().equals(pausedByUser), "shown as paused: " + listener.consumer.paused());
        for (TopicPartition partition : partitions) {
            Set<Long> done = handled.get(partition);
            Set<Long> excused = passedOver.get(partition);
            for (long offset : kafka.logs
                    .get(partition)
                    .headMap(kafka.groupOffset(partition))
                    .keySet()) {
                require(
                        done.contains(offset) || excused.contains(offset),
                        "committed " + kafka.groupOffset(partition) + " of " + partition + " past " + offset);
            }
            OffsetRanges remembered = kafka.remembered(partition);
            for (long offset : kafka.logs
                    .get(partition)
                    .tailMap(kafka.groupOffset(partition))
                    .keySet()) {
                require(
                        !remembered.contains(offset) || done.contains(offset) || excused.contains(offset),
                        "remembered of " + partition + " is " + remembered + " in spite of " + offset);
            }
        }
    }

    @Override
    public void started(ConsumerRecord<?, ?> record) {
        note("  started " + at(record));
        require(
                !notAgain.get(partition(record)).contains(record.offset()),
                at(record) + " comes again, of which the commit remembered " + notAgain.get(partition(record)));
        Lane lane = lane(record);
        if (ordering != Ordering.UNORDERED) {
            require(lane.running.isEmpty(), at(record) + " started while its lane runs " + lane.running);
            require(record.offset() > lane.lastStarted, at(record) + " started after " + lane.lastStarted);
        }
        lane.running.add(record.offset());
        lane.lastStarted = record.offset();
    }

    @Override
    public void finished(ConsumerRecord<?, ?> record, boolean counts) {
        lane(record).running.remove(record.offset());
        if (counts) {
            handled.get(partition(record)).add(record.offset());
        }
    }

    private Lane lane(ConsumerRecord<?, ?> record) {
        Object key = ordering == Ordering.KEY ? record.key() : ordering == Ordering.PARTITION ? "" : record.offset();
        return lanes.get(partition(record)).computeIfAbsent(key, unknown -> new Lane());
    }

    private static TopicPartition partition(ConsumerRecord<?, ?> record) {
        return new TopicPartition(record.topic(), record.partition());
    }

    private static String at(ConsumerRecord<?, ?> record) {
        return record.topic() + "-" + record.partition() + "@" + record.offset() + " of key " + record.key();
    }

    private void require(boolean holds, String what) {
        if (!holds) {
            throw new Violation(what, steps);
        }
    }
}
