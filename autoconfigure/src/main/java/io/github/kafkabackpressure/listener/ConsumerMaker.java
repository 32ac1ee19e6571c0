package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.InvalidBackpressurePropertyException;
import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.listener.consume.BackpressuredConsumer;
import io.github.kafkabackpressure.listener.consume.CommitContent;
import io.github.kafkabackpressure.listener.consume.GroupFacts;
import io.github.kafkabackpressure.listener.consume.HoldingBack;
import io.github.kafkabackpressure.listener.consume.RememberingCommits;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Properties;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.LongFunction;
import java.util.function.UnaryOperator;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.jspecify.annotations.Nullable;
import org.springframework.util.StringUtils;

/**
 * Makes the consumers of a container, and says how much each of them polls.
 *
 * <p>Threading: the thread that starts the container, under its lock.
 *
 * @param <K> the type of the keys
 * @param <V> the type of the values
 */
final class ConsumerMaker<K, V> {

    /** How many polls at least the room is for, so that consumers that poll in vain leave room to the others. */
    private static final int POLLS_IN_LIMIT = 4;

    /**
     * In partition order the room is for as many polls as there are workers, since a poll brings mostly one partition's
     * records and only one of those runs at a time. Beyond so many, the polls themselves would cost too much.
     */
    private static final int MOST_POLLS_IN_LIMIT = 64;

    /**
     * How long the broker may wait for data before it answers a fetch, unless the user says something about that. A
     * consumer has one fetch under way, so a partition that is resumed waits for the one that was sent without it: with
     * Kafka's 500 ms for that long if the others have nothing.
     */
    private static final int FETCH_MAX_WAIT_MILLIS = 100;

    private final ContainerParts parts;

    private final UnaryOperator<String> settingNames;

    /** Whether the records' own transactions commit offsets. */
    private final BooleanSupplier transactional;

    /** Whether the bytes of records may be needed, which deserializers do not keep. */
    private final boolean keepsBytes;

    /** The consumers that a start has made, while the container starts. */
    private final List<Consumer<K, V>> made = new ArrayList<>();

    /**
     * Makes it.
     *
     * @param settingNames from a key like {@code max-in-flight} to what set it, for messages
     * @param transactional whether the records' own transactions commit offsets
     */
    ConsumerMaker(
            ContainerParts parts,
            OverloadOptions overload,
            UnaryOperator<String> settingNames,
            BooleanSupplier transactional) {
        this.parts = parts;
        this.settingNames = settingNames;
        this.transactional = transactional;
        this.keepsBytes = overload.droppedTo() != null && overload.drops();
    }

    boolean keepsBytes() {
        return keepsBytes;
    }

    /** The most records that a poll of one consumer may bring. */
    int pollSize(ListenerOptions options) {
        int consumers = parts.container().getConcurrency();
        if (options.maxInFlight() < consumers) {
            throw new InvalidBackpressurePropertyException(
                    settingNames.apply("max-in-flight"),
                    options.maxInFlight(),
                    "at least the number of consumers (concurrency), which is " + consumers);
        }
        int polls = options.ordering() == Ordering.PARTITION
                ? Math.max(POLLS_IN_LIMIT, Math.min(options.maxConcurrency(), MOST_POLLS_IN_LIMIT))
                : POLLS_IN_LIMIT;
        int ofLimit = Math.max(1, options.maxInFlight() / polls / consumers);
        return Math.min(configuredMaxPollRecords(), ofLimit);
    }

    Duration maxPollInterval() {
        return Duration.ofMillis(
                Long.parseLong(parts.consumerProperty(ConsumerConfig.MAX_POLL_INTERVAL_MS_CONFIG, "300000")));
    }

    private int configuredMaxPollRecords() {
        return Integer.parseInt(parts.consumerProperty(
                ConsumerConfig.MAX_POLL_RECORDS_CONFIG, String.valueOf(ConsumerConfig.DEFAULT_MAX_POLL_RECORDS)));
    }

    /** How many consumers poll how much, for the log. */
    String describePolls(int pollSize) {
        int consumers = parts.container().getConcurrency();
        return consumers + (consumers == 1 ? " consumer" : " consumers") + ", polls of at most " + pollSize + " records"
                + (pollSize < configuredMaxPollRecords()
                        ? " (max.poll.records is " + configuredMaxPollRecords() + ")"
                        : "");
    }

    /** Begins a start, which has made none so far. */
    void begin() {
        made.clear();
    }

    /** The consumers that have been made since {@link #begin}, those without a loop of their own last. */
    List<Consumer<K, V>> made() {
        return made;
    }

    /**
     * Makes a consumer.
     *
     * @param creator makes Kafka's own
     */
    Consumer<K, V> make(
            ContainerRun run,
            @Nullable String clientIdSuffix,
            Properties properties,
            Function<Properties, Consumer<K, V>> creator) {
        properties.setProperty(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, String.valueOf(run.run.room.kafkasPollSize));
        if (parts.consumerProperty(ConsumerConfig.FETCH_MAX_WAIT_MS_CONFIG, "").isEmpty()
                && parts.consumerProperty(ConsumerConfig.FETCH_MIN_BYTES_CONFIG, "")
                        .isEmpty()) {
            properties.setProperty(ConsumerConfig.FETCH_MAX_WAIT_MS_CONFIG, String.valueOf(FETCH_MAX_WAIT_MILLIS));
        }
        boolean hasGroup = StringUtils.hasText(parts.container().getGroupId())
                || StringUtils.hasText(parts.consumerProperty(ConsumerConfig.GROUP_ID_CONFIG, ""));
        if (keepsBytes) {
            WireConsumers.prepare(parts.factory(), properties);
        }
        Consumer<K, V> kafka = new HoldingBack<>(creator.apply(properties));
        made.add(kafka); // until it is decorated
        boolean transactional = this.transactional.getAsBoolean();
        BackpressuredConsumer<K, V> decorated = new BackpressuredConsumer<>(
                kafka,
                run.side,
                hasGroup && !transactional,
                transactional,
                maxPollInterval(),
                content(run, parts.offsetMetadata(), hasGroup && !transactional ? run.facts : null));
        String suffix = StringUtils.hasText(clientIdSuffix) ? clientIdSuffix : "-0";
        decorated.work().link.facts.setNames(parts.id() + suffix, clientId(kafka));
        made.set(made.size() - 1, decorated);
        return decorated;
    }

    private static CommitContent content(
            ContainerRun run, LongFunction<OffsetAndMetadata> metadata, @Nullable GroupFacts facts) {
        return facts == null ? CommitContent.plain(metadata) : new RememberingCommits(run.run, metadata, facts);
    }

    private static @Nullable String clientId(Consumer<?, ?> consumer) {
        return consumer.metrics().keySet().stream()
                .map(metric -> metric.tags().get("client-id"))
                .filter(Objects::nonNull)
                .findFirst()
                .orElse(null);
    }
}
