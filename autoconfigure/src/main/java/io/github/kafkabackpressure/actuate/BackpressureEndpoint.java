package io.github.kafkabackpressure.actuate;

import io.github.kafkabackpressure.listener.BackpressuredMessageListenerContainer;
import io.github.kafkabackpressure.listener.ListenerContainers;
import io.github.kafkabackpressure.producer.BackpressuredKafkaTemplate;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.actuate.endpoint.SecurityContext;
import org.springframework.boot.actuate.endpoint.annotation.Endpoint;
import org.springframework.boot.actuate.endpoint.annotation.ReadOperation;
import org.springframework.boot.actuate.endpoint.annotation.Selector;
import org.springframework.boot.actuate.endpoint.annotation.WriteOperation;
import org.springframework.boot.actuate.endpoint.web.WebEndpointResponse;
import org.springframework.context.ApplicationEventPublisher;

/**
 * The actuator endpoint {@code kafkabackpressure}: what listeners and buffered templates have in work and have been
 * doing. {@code docs/endpoint.md} describes what it answers.
 *
 * <p>Threading: any thread.
 */
@Endpoint(id = "kafkabackpressure")
public final class BackpressureEndpoint {

    private final ListenerContainers listeners;

    private final Supplier<List<? extends BackpressuredKafkaTemplate<?, ?>>> producers;

    private final ListenerJson json;

    private final ProducerTimeline timeline;

    private final Operations operations;

    private final boolean writable;

    /**
     * @param producers gives the application's buffered templates
     * @param timeline what has happened to the templates
     * @param events who is told of changes
     * @param flushTimeout how long a flush may take
     * @param showKeys whether the keys of records that are being handled may be shown
     * @param writable whether the endpoint may be written, for who shows it
     */
    public BackpressureEndpoint(
            ListenerContainers listeners,
            Supplier<List<? extends BackpressuredKafkaTemplate<?, ?>>> producers,
            ProducerTimeline timeline,
            ApplicationEventPublisher events,
            Duration flushTimeout,
            boolean showKeys,
            boolean writable) {
        this.listeners = listeners;
        this.producers = producers;
        this.json = new ListenerJson(showKeys);
        this.timeline = timeline;
        this.operations = new Operations(events, flushTimeout);
        this.writable = writable;
    }

    /**
     * All listeners and templates.
     *
     * @param details the listener of which partitions, slowest records and timeline are told; null for all of them. Who
     *     asks once a second for hundreds of partitions need not take in more than he looks at.
     */
    @ReadOperation
    public Map<String, @Nullable Object> all(@Nullable String details) {
        Map<String, @Nullable Object> all = new LinkedHashMap<>();
        all.put("time", Instant.now().toString());
        all.put("writable", writable);
        all.put(
                "listeners",
                listeners.all().stream()
                        .map(container ->
                                describe(container, details == null || details.equals(container.getListenerId())))
                        .toList());
        all.put("producers", Json.each(producers.get(), this::describe));
        return all;
    }

    /** One listener; null if there is none of that id. */
    @ReadOperation
    public @Nullable Map<String, @Nullable Object> listener(@Selector String listener) {
        return listeners
                .find(listener)
                .map(container -> describe(container, true))
                .orElse(null);
    }

    /**
     * Changes limits of a listener, until the application ends; what is not given stays.
     *
     * @return the listener with its new limits
     */
    @WriteOperation
    public WebEndpointResponse<Map<String, @Nullable Object>> change(
            @Selector String listener,
            @Nullable Integer maxInFlight,
            @Nullable Integer maxInFlightPerPartition,
            @Nullable String maxInFlightBytes,
            @Nullable Integer maxConcurrency,
            @Nullable Long rateLimitRate,
            @Nullable Long rateLimitBurst,
            @Nullable Integer rateLimitWindowRecords,
            @Nullable String rateLimitWindow,
            SecurityContext security) {
        Map<String, Object> changes = new LinkedHashMap<>();
        put(changes, "max-in-flight", maxInFlight);
        put(changes, "max-in-flight-per-partition", maxInFlightPerPartition);
        put(changes, "max-in-flight-bytes", maxInFlightBytes);
        put(changes, "max-concurrency", maxConcurrency);
        put(changes, "rate-limit.rate", rateLimitRate);
        put(changes, "rate-limit.burst", rateLimitBurst);
        put(changes, "rate-limit.window-records", rateLimitWindowRecords);
        put(changes, "rate-limit.window", rateLimitWindow);
        return answer(listener, container -> {
            if (changes.isEmpty()) {
                throw new IllegalArgumentException("give at least one of maxInFlight, maxInFlightPerPartition,"
                        + " maxInFlightBytes, maxConcurrency, rateLimitRate, rateLimitBurst, rateLimitWindowRecords and"
                        + " rateLimitWindow");
            }
            container.changeLimits(changes);
            operations.done(security, listener, "change", changes);
        });
    }

    /**
     * Steers a listener.
     *
     * @param action {@code pause}, {@code resume}, {@code drain}, {@code stop}, {@code start} or {@code restart}
     * @param topic to pause or resume a single partition
     * @param partition the same
     */
    @WriteOperation
    public WebEndpointResponse<Map<String, @Nullable Object>> steer(
            @Selector String listener,
            @Selector String action,
            @Nullable String topic,
            @Nullable Integer partition,
            SecurityContext security) {
        return answer(listener, container -> {
            Map<String, Object> details = new LinkedHashMap<>();
            put(details, "topic", topic);
            put(details, "partition", partition);
            ListenerAction.of(action).on(container, Operations.partition(action, topic, partition, container));
            operations.done(security, listener, action, details);
        });
    }

    /**
     * Flushes a buffered template.
     *
     * @param kind {@code producers}
     * @param name the template's bean name
     * @param action {@code flush}
     * @return the template
     */
    @WriteOperation
    public WebEndpointResponse<Map<String, @Nullable Object>> flush(
            @Selector String kind, @Selector String name, @Selector String action, SecurityContext security) {
        if (!kind.equals("producers")) {
            return notFound("there is no '" + kind + "'; producers can be flushed");
        }
        if (!action.equals("flush")) {
            return refused("unknown action '" + action + "'; a producer knows: flush");
        }
        BackpressuredKafkaTemplate<?, ?> template = producers.get().stream()
                .filter(producer -> producer.name().equals(name))
                .findFirst()
                .orElse(null);
        if (template == null) {
            return notFound("there is no buffered template '" + name + "'");
        }
        long begun = System.nanoTime();
        boolean flushed = operations.flush(template);
        timeline.flushed(name, flushed, Duration.ofNanos(System.nanoTime() - begun));
        operations.done(security, name, "flush", Map.of("complete", flushed));
        Map<String, @Nullable Object> answer = describe(template);
        answer.put("flushed", flushed);
        return new WebEndpointResponse<>(answer);
    }

    private Map<String, @Nullable Object> describe(
            BackpressuredMessageListenerContainer<?, ?> container, boolean details) {
        Map<String, @Nullable Object> listener = json.of(container.snapshot(), details);
        listener.put("pressure", Json.name(container.getPressure()));
        listener.put("dropped", Json.byName(container.getDropped()));
        return listener;
    }

    private Map<String, @Nullable Object> describe(BackpressuredKafkaTemplate<?, ?> template) {
        Map<String, @Nullable Object> producer = ProducerJson.of(template.snapshot());
        producer.put("timeline", timeline.of(template.name()));
        return producer;
    }

    private static void put(Map<String, Object> into, String key, @Nullable Object value) {
        if (value != null) {
            into.put(key, value);
        }
    }

    /** Does something to a listener and tells what it is like then, or what is wrong with what was asked. */
    private WebEndpointResponse<Map<String, @Nullable Object>> answer(
            String listener, Consumer<BackpressuredMessageListenerContainer<?, ?>> action) {
        BackpressuredMessageListenerContainer<?, ?> container =
                listeners.find(listener).orElse(null);
        if (container == null) {
            return notFound("there is no back-pressured listener '" + listener + "'");
        }
        try {
            action.accept(container);
        } catch (IllegalArgumentException | IllegalStateException e) {
            return refused(String.valueOf(e.getMessage()));
        }
        return new WebEndpointResponse<>(describe(container, true));
    }

    private static WebEndpointResponse<Map<String, @Nullable Object>> refused(String why) {
        return error(why, WebEndpointResponse.STATUS_BAD_REQUEST);
    }

    private static WebEndpointResponse<Map<String, @Nullable Object>> notFound(String why) {
        return error(why, WebEndpointResponse.STATUS_NOT_FOUND);
    }

    private static WebEndpointResponse<Map<String, @Nullable Object>> error(String why, int status) {
        Map<String, @Nullable Object> answer = new LinkedHashMap<>();
        answer.put("error", why);
        return new WebEndpointResponse<>(answer, status);
    }
}
