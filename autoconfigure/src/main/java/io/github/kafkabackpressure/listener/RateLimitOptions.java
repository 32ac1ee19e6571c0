package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.InvalidBackpressurePropertyException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How many records a listener may start in a time. Either {@code rate} or {@code windowRecords} is set.
 *
 * <p>Threading: immutable.
 *
 * @param rate tokens a second; 0 where a window counts
 * @param burst the most tokens that a bucket holds
 * @param cost tokens that a record takes
 * @param costExpression an expression for the tokens that a record takes; null for {@code cost}
 * @param windowRecords records in any window; 0 where a rate counts
 * @param window the length of the window
 * @param per which records share a bucket
 * @param header the header whose values have a bucket each, with {@link Per#HEADER}
 * @param shared the bean that keeps the buckets for several instances; null for buckets in this JVM
 * @param ahead tokens that are taken from it at once
 * @param onFailure what holds while it cannot be reached
 */
public record RateLimitOptions(
        long rate,
        long burst,
        long cost,
        @Nullable String costExpression,
        int windowRecords,
        Duration window,
        Per per,
        String header,
        @Nullable String shared,
        long ahead,
        OnFailure onFailure) {

    /** Which records share a bucket. */
    public enum Per {
        /** All of the listener. */
        LISTENER,
        /** Those of a partition. */
        PARTITION,
        /** Those with equal keys. */
        KEY,
        /** Those with the same value of a header. */
        HEADER
    }

    /** What holds while the buckets of several instances cannot be reached. */
    public enum OnFailure {
        /** Records wait. */
        WAIT,
        /** Each instance goes by its share of the rate. */
        LOCAL_SHARE
    }

    /** The keys of what may be changed while a listener runs. */
    static final List<String> CHANGEABLE =
            List.of("rate-limit.rate", "rate-limit.burst", "rate-limit.window-records", "rate-limit.window");

    /**
     * What may be changed of this, by its keys: a rate or a window. A burst that is what the rate is follows it.
     *
     * @param changes what is to be changed
     * @throws InvalidBackpressurePropertyException if that cannot be changed of this
     */
    Map<String, Object> changeable(Map<String, ?> changes) {
        for (String key : CHANGEABLE) {
            if (changes.containsKey(key) && (shared != null || key.contains("window") == (rate > 0))) {
                throw new InvalidBackpressurePropertyException(
                        key,
                        String.valueOf(changes.get(key)),
                        shared != null
                                ? "left as it is while the listener runs: instances share this rate, and all must go by"
                                        + " the same"
                                : "left out, as at the start rate-limit." + (rate > 0 ? "rate" : "window-records")
                                        + " was set");
            }
        }
        Map<String, Object> present = new LinkedHashMap<>();
        if (rate > 0) {
            present.put("rate-limit.rate", rate);
            present.put("rate-limit.cost", cost);
            if (burst != rate) {
                present.put("rate-limit.burst", burst);
            }
        } else {
            present.put("rate-limit.window-records", windowRecords);
            present.put("rate-limit.window", window);
        }
        return present;
    }

    /** The same with the rate or window of another one. */
    RateLimitOptions withLimitOf(RateLimitOptions other) {
        return new RateLimitOptions(
                other.rate,
                other.burst,
                cost,
                costExpression,
                other.windowRecords,
                other.window,
                per,
                header,
                shared,
                ahead,
                onFailure);
    }
}
