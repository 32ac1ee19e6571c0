package io.github.kafkabackpressure.actuate;

import io.github.kafkabackpressure.listener.BackpressuredMessageListenerContainer;
import io.github.kafkabackpressure.listener.ListenerContainers;
import io.github.kafkabackpressure.producer.BackpressuredKafkaTemplate;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.actuate.endpoint.annotation.Endpoint;
import org.springframework.boot.actuate.endpoint.annotation.ReadOperation;
import org.springframework.boot.actuate.endpoint.annotation.Selector;

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

    private final boolean writable;

    /**
     * @param producers gives the application's buffered templates
     * @param showKeys whether the keys of records that are being handled may be shown
     * @param writable whether the endpoint may be written, for who shows it
     */
    public BackpressureEndpoint(
            ListenerContainers listeners,
            Supplier<List<? extends BackpressuredKafkaTemplate<?, ?>>> producers,
            boolean showKeys,
            boolean writable) {
        this.listeners = listeners;
        this.producers = producers;
        this.json = new ListenerJson(showKeys);
        this.writable = writable;
    }

    /** All listeners and templates. */
    @ReadOperation
    public Map<String, @Nullable Object> all() {
        Map<String, @Nullable Object> all = new LinkedHashMap<>();
        all.put("time", Instant.now().toString());
        all.put("writable", writable);
        all.put(
                "listeners",
                json.all(listeners.all().stream()
                        .map(BackpressuredMessageListenerContainer::snapshot)
                        .toList()));
        all.put("producers", Json.each(producers.get(), producer -> ProducerJson.of(producer.snapshot())));
        return all;
    }

    /** One listener; null if there is none of that id. */
    @ReadOperation
    public @Nullable Map<String, @Nullable Object> listener(@Selector String listener) {
        return listeners
                .find(listener)
                .map(container -> json.of(container.snapshot()))
                .orElse(null);
    }
}
