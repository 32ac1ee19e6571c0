package io.github.kafkabackpressure.actuate;

import io.github.kafkabackpressure.producer.ProducerSnapshot;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How the endpoint writes down a buffered template.
 *
 * <p>Threading: any thread.
 */
final class ProducerJson {

    private ProducerJson() {}

    static Map<String, @Nullable Object> of(ProducerSnapshot producer) {
        Map<String, @Nullable Object> json = new LinkedHashMap<>();
        json.put("name", producer.name());
        json.put("state", Json.name(producer.state()));
        json.put("overflow", Json.name(producer.overflow()));
        Map<String, @Nullable Object> limits = new LinkedHashMap<>();
        limits.put("softLimit", producer.softLimit());
        limits.put("maxBuffered", producer.maxBuffered());
        limits.put("maxBufferedBytes", producer.maxBufferedBytes());
        limits.put("maxInFlight", producer.maxInFlight());
        json.put("limits", limits);
        json.put("buffered", producer.buffered());
        json.put("bufferedBytes", producer.bufferedBytes());
        json.put("inFlight", producer.inFlight());
        json.put("slow", producer.slow());
        json.put("blocked", producer.blocked());
        json.put("blockedTotal", producer.blockedTotal());
        json.put("blockedMillis", producer.blockedTime().toMillis());
        json.put("accepted", producer.accepted());
        json.put("outcomes", Json.byName(producer.outcomes()));
        return json;
    }
}
