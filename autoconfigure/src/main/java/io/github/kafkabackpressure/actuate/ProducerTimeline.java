package io.github.kafkabackpressure.actuate;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.github.kafkabackpressure.producer.BufferStateEvent;
import io.github.kafkabackpressure.producer.ProducerFlushReport;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.springframework.context.event.EventListener;

/**
 * What has happened to the buffered templates lately, for the endpoint: changes of their buffers' states, and flushes.
 *
 * <p>Threading: any thread; there are few of these, so a lock does no harm.
 */
public final class ProducerTimeline {

    private static final int MOST = 200;

    private static final int MOST_REPORTS = 20;

    private record Event(long sequence, Map<String, @Nullable Object> json) {}

    @GuardedBy("this") private final Map<String, Deque<Event>> ofTemplates = new HashMap<>();

    /** Flushes of all producers, when the context was stopped. */
    @GuardedBy("this") private final Deque<Event> reports = new ArrayDeque<>();

    @GuardedBy("this") private long sequence;

    /** Takes in a change. */
    @EventListener
    void changed(BufferStateEvent event) {
        Map<String, @Nullable Object> json = new LinkedHashMap<>();
        json.put("state", Json.name(event.state()));
        json.put("buffered", event.buffered());
        add(event.template(), "state", json);
    }

    /** Takes in that all producers were flushed. */
    @EventListener
    synchronized void flushed(ProducerFlushReport report) {
        Map<String, @Nullable Object> json = new LinkedHashMap<>();
        json.put("complete", report.complete());
        json.put("millis", report.took().toMillis());
        json.put("delivered", report.delivered());
        json.put("failed", report.failed());
        json.put("notDelivered", report.notDelivered());
        json.put("spooled", report.spooled());
        json.put("text", report.toString());
        append(reports, MOST_REPORTS, "flushed", json);
    }

    /**
     * Takes in that somebody flushed a template.
     *
     * @param complete whether that was done in time
     */
    void flushed(String template, boolean complete, Duration took) {
        Map<String, @Nullable Object> json = new LinkedHashMap<>();
        json.put("complete", complete);
        json.put("millis", took.toMillis());
        add(template, "flushed", json);
    }

    private synchronized void add(String template, String kind, Map<String, @Nullable Object> json) {
        append(ofTemplates.computeIfAbsent(template, name -> new ArrayDeque<>()), MOST, kind, json);
    }

    @GuardedBy("this") private void append(Deque<Event> events, int most, String kind, Map<String, @Nullable Object> details) {
        sequence++;
        Map<String, @Nullable Object> json = new LinkedHashMap<>();
        json.put("sequence", sequence);
        json.put("kind", kind);
        json.put("at", Instant.now().toString());
        json.putAll(details);
        events.addLast(new Event(sequence, json));
        if (events.size() > most) {
            events.removeFirst();
        }
    }

    /** What has happened to a template, the oldest first. */
    synchronized List<Map<String, @Nullable Object>> of(String template) {
        return Stream.concat(ofTemplates.getOrDefault(template, new ArrayDeque<>()).stream(), reports.stream())
                .sorted((one, other) -> Long.compare(one.sequence(), other.sequence()))
                .map(Event::json)
                .toList();
    }
}
