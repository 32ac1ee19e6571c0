package io.github.kafkabackpressure.actuate;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.github.kafkabackpressure.producer.BufferStateEvent;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.context.event.EventListener;

/**
 * The newest changes of the buffers' states, for the endpoint.
 *
 * <p>Threading: any thread; there are few of these, so a lock does no harm.
 */
public final class ProducerTimeline {

    private static final int MOST = 200;

    private record Change(long sequence, Instant at, BufferStateEvent event) {}

    @GuardedBy("changes") private final Deque<Change> changes = new ArrayDeque<>();

    @GuardedBy("changes") private long sequence;

    /** Takes in a change. */
    @EventListener
    void changed(BufferStateEvent event) {
        synchronized (changes) {
            sequence++;
            changes.addLast(new Change(sequence, Instant.now(), event));
            if (changes.size() > MOST) {
                changes.removeFirst();
            }
        }
    }

    /** Those of a template, the oldest first. */
    List<Map<String, @Nullable Object>> of(String template) {
        List<Change> all;
        synchronized (changes) {
            all = List.copyOf(changes);
        }
        return all.stream()
                .filter(change -> change.event().template().equals(template))
                .map(ProducerTimeline::json)
                .toList();
    }

    private static Map<String, @Nullable Object> json(Change change) {
        Map<String, @Nullable Object> json = new LinkedHashMap<>();
        json.put("sequence", change.sequence());
        json.put("kind", "state");
        json.put("at", change.at().toString());
        json.put("state", Json.name(change.event().state()));
        json.put("buffered", change.event().buffered());
        return json;
    }
}
