package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.InvalidBackpressurePropertyException;
import io.github.kafkabackpressure.ListenerOverflow;
import io.github.kafkabackpressure.Ordering;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.NestedConfigurationProperty;
import org.springframework.boot.context.properties.bind.BindException;
import org.springframework.boot.context.properties.bind.BindHandler;
import org.springframework.boot.context.properties.bind.Bindable;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.boot.context.properties.source.MapConfigurationPropertySource;
import org.springframework.core.annotation.AnnotationUtils;
import org.springframework.util.StringUtils;
import org.springframework.util.unit.DataSize;

/**
 * What one source says of a listener: its own properties, its annotation, or the properties of all listeners. What is
 * null is left to the next source.
 *
 * <p>Threading: immutable.
 *
 * @param ordering the order in which records are handled: one after the other in each partition, one after the other
 *     for each key of a partition, or without any order
 * @param maxInFlight the most records of the listener that are polled and not finished, in this JVM; never exceeded
 * @param maxInFlightPerPartition the most records in flight of one partition, passed by at most one poll; without it,
 *     each partition has a fair share of max-in-flight
 * @param maxInFlightBytes the most bytes of serialized keys and values in flight, passed by at most one poll
 * @param resumeAt a paused partition is resumed when in flight is at or below this share of the limit
 * @param maxConcurrency the most records handled at the same moment; 16 unless it is set, on virtual threads
 *     too
 * @param drainTimeout how long started work may take at stop and at a revoke
 * @param commitInterval how often the offsets of finished records are committed
 * @param handlerTimeout how long the asynchronous result of a record may take before the record counts as failed; 0,
 *     the default, is for ever
 * @param batchSize the most records in a batch of a batch listener; an even share of what is in flight among
 *     max-concurrency, at most 500, unless it is set
 * @param batchLinger how long an incomplete batch waits for more records
 * @param overflow what happens when no more records may be in flight: partitions are paused, or waiting records are
 *     dropped; with conflate, of each key only the newest waiting record is kept
 * @param maxAge a record that is older than this when its turn comes is dropped; 0, the default, is any age
 * @param droppedTo the topic that dropped records are written to; a record counts as dropped when it is there
 * @param softLimit records in flight from which on those below shed-priority are dropped
 * @param shedPriority records below this priority are dropped above the soft limit; 0 sheds none
 * @param bypassPriority records of this priority and above pass the rate limit; 10 lets none pass
 * @param defaultPriority the priority, from 0 to 9, of a record that nothing says one of
 * @param priorityHeader the header that holds a record's priority, as a decimal digit or as one byte
 * @param priority a SpEL expression on the ConsumerRecord that gives a record's priority from 0 to 9
 * @param topicPriority priorities of the listener's topics, from 0 to 9: the lower ones get what the higher ones leave,
 *     but never nothing
 * @param rateLimit how many records may be started in a time
 * @param stallTimeout how long nothing may come or go, or a partition be paused, although there is room and work, before the
 *     watchdog raises an alarm; 0: never
 * @param slowRecordThreshold how long a record may be handled, retries included, before it does; 0: never
 * @param frontierTimeout how long a record may keep the records finished behind it from being committed before it does; 0:
 *     never
 * @param rememberProgress whether commits remember in their metadata what is finished beyond their offset, so that it is
 *     not handled again; true for the orders key and unordered unless it is set
 * @param offsetMetadataMaxBytes the longest metadata that a commit may have; what the broker says in
 *     offset.metadata.max.bytes unless it is set, or 4096 where the broker does not say
 */
public record ListenerSettings(
        @Nullable Ordering ordering,
        @Nullable Integer maxInFlight,
        @Nullable Integer maxInFlightPerPartition,
        @Nullable DataSize maxInFlightBytes,
        @Nullable Double resumeAt,
        @Nullable Integer maxConcurrency,
        @Nullable Duration drainTimeout,
        @Nullable Duration commitInterval,
        @Nullable Duration handlerTimeout,
        @Nullable Integer batchSize,
        @Nullable Duration batchLinger,
        @Nullable ListenerOverflow overflow,
        @Nullable Duration maxAge,
        @Nullable String droppedTo,
        @Nullable Integer softLimit,
        @Nullable Integer shedPriority,
        @Nullable Integer bypassPriority,
        @Nullable Integer defaultPriority,
        @Nullable String priorityHeader,
        @Nullable String priority,
        @Nullable Map<String, Integer> topicPriority,
        @NestedConfigurationProperty @Nullable RateLimitSettings rateLimit,
        @Nullable Duration stallTimeout,
        @Nullable Duration slowRecordThreshold,
        @Nullable Duration frontierTimeout,
        @Nullable Boolean rememberProgress,
        @Nullable Integer offsetMetadataMaxBytes) {

    private static final String ROOT = "settings";

    /** Settings that leave everything to the next source. */
    public static final ListenerSettings NONE = of(Map.of());

    /**
     * Settings made by code.
     *
     * @param keys values by their keys, as properties have them: {@code Map.of("max-in-flight", 50)}
     * @throws InvalidBackpressurePropertyException if there is no such key, or its value cannot be read
     */
    public static ListenerSettings of(Map<String, ?> keys) {
        for (String key : keys.keySet()) {
            if (SettingKey.all(ListenerSettings.class).stream().noneMatch(known -> known.covers(key))) {
                throw new InvalidBackpressurePropertyException(
                        key,
                        String.valueOf(keys.get(key)),
                        "one of the keys "
                                + SettingKey.all(ListenerSettings.class).stream()
                                        .map(SettingKey::name)
                                        .collect(Collectors.joining(", ")));
            }
        }
        return bound(keys, key -> key);
    }

    /**
     * Reads the settings of an annotation. The attribute of a key has its name in camel case.
     *
     * @param annotation the annotation of the method or class
     * @param resolver resolves placeholders and expressions
     * @throws InvalidBackpressurePropertyException if an attribute cannot be read
     */
    static ListenerSettings of(BackpressuredListener annotation, UnaryOperator<@Nullable String> resolver) {
        Map<String, @Nullable Object> attributes = AnnotationUtils.getAnnotationAttributes(annotation);
        Map<String, Object> keys = new LinkedHashMap<>();
        for (SettingKey key : SettingKey.all(ListenerSettings.class)) {
            Object attribute = attributes.get(key.camelCase());
            if (attribute instanceof String text) {
                String resolved = resolver.apply(text);
                if (StringUtils.hasText(resolved)) {
                    putAttribute(keys, key, resolved.trim());
                }
            } else if (attribute instanceof Object[] atMostOne && atMostOne.length > 0) {
                if (atMostOne.length > 1) {
                    throw new InvalidBackpressurePropertyException(
                            attributeName(key.name()),
                            atMostOne.length + " " + key.name() + "s",
                            "one of them, or none");
                }
                keys.put(key.name(), atMostOne[0]);
            }
        }
        return bound(keys, ListenerSettings::attributeName);
    }

    /** An attribute for a key with entries has them as {@code name=value, name=value}. */
    private static void putAttribute(Map<String, Object> keys, SettingKey key, String text) {
        if (!key.isMap()) {
            keys.put(key.name(), text);
            return;
        }
        for (String entry : text.split(",", -1)) {
            int end = entry.lastIndexOf('=');
            if (end < 1) {
                throw new InvalidBackpressurePropertyException(
                        attributeName(key.name()), text, "entries like \"orders=9, audit=1\"");
            }
            keys.put(
                    key.name() + "[" + entry.substring(0, end).trim() + "]",
                    entry.substring(end + 1).trim());
        }
    }

    /** How a message names the attribute of a key. */
    static String attributeName(String key) {
        return "@BackpressuredListener(" + SettingKey.camelCase(key) + ")";
    }

    private static ListenerSettings bound(Map<String, ?> keys, UnaryOperator<String> naming) {
        Map<String, Object> rooted = new LinkedHashMap<>();
        keys.forEach((key, value) -> rooted.put(ROOT + "." + key, value));
        BindHandler strict = new StrictBindHandler(
                BindHandler.DEFAULT,
                name -> true,
                name -> naming.apply(name.toString().substring(ROOT.length() + 1)),
                UnaryOperator.identity());
        try {
            return new Binder(new MapConfigurationPropertySource(rooted))
                    .bindOrCreate(ROOT, Bindable.of(ListenerSettings.class), strict);
        } catch (BindException e) {
            throw e.getCause() instanceof InvalidBackpressurePropertyException invalid ? invalid : e;
        }
    }
}
