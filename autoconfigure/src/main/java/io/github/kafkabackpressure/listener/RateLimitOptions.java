package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.InvalidBackpressurePropertyException;
import io.github.kafkabackpressure.listener.ListenerOptions.Source;
import io.github.kafkabackpressure.listener.OverloadOptions.Values;
import io.github.kafkabackpressure.rate.TokenBucket;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
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

    private static final String HEADER_PREFIX = "header:";

    /** Tokens for so long are taken at once, unless it is said how many: a twentieth of a second's. */
    private static final int AHEADS_IN_A_SECOND = 20;

    /**
     * Takes each value from the first source that has it. Which of rate and window it is, the first source says that has one
     * of them.
     *
     * @param alone whether a source is looked at without the others, from which its burst may come
     * @return null if no source says anything of a rate or a window
     */
    static @Nullable RateLimitOptions of(Values values, boolean alone) {
        for (Source source : values.sources()) {
            RateLimitSettings own = source.settings().rateLimit();
            if (own != null && own.rate() != null) {
                refuse(values, source, own.windowRecords(), "window-records", "rate");
                refuse(values, source, own.window(), "window", "rate");
                return ofRate(values, own.rate(), alone);
            }
            if (own != null && own.windowRecords() != null) {
                refuse(values, source, own.burst(), "burst", "window-records");
                refuse(values, source, own.cost(), "cost", "window-records");
                refuse(values, source, own.shared(), "shared", "window-records");
                refuse(values, source, own.ahead(), "ahead", "window-records");
                refuse(values, source, own.onFailure(), "on-failure", "window-records");
                return ofWindow(values, own.windowRecords());
            }
        }
        return null;
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

    private static void refuse(Values values, Source source, @Nullable Object value, String key, String other) {
        if (value != null) {
            throw values.invalid(source, "rate-limit." + key, value, "unset where rate-limit." + other + " is set");
        }
    }

    private static RateLimitOptions ofRate(Values values, long rate, boolean alone) {
        if (rate < 1 || rate > 1_000_000_000) {
            throw invalid(values, "rate", rate, "1 to 1000000000 tokens a second");
        }
        Long givenBurst = first(values, "burst", RateLimitSettings::burst);
        long burst = givenBurst != null ? givenBurst : alone ? TokenBucket.MOST_TOKENS : rate;
        if (burst < 1 || burst > TokenBucket.MOST_TOKENS) {
            throw invalid(values, "burst", burst, "1 to " + TokenBucket.MOST_TOKENS + " tokens");
        }
        String cost = first(values, "cost", RateLimitSettings::cost);
        Long fixed = cost == null ? Long.valueOf(1) : wholeNumber(cost);
        String legalCost = "1 to rate-limit.burst, which is " + burst
                + ", or a SpEL expression on the ConsumerRecord, such as \"value.items.size()\"";
        if (fixed != null && (fixed < 1 || fixed > burst)) {
            throw invalid(values, "cost", fixed, legalCost);
        }
        if (fixed == null && (cost == null || !OverloadOptions.isExpression(cost))) {
            throw invalid(values, "cost", String.valueOf(cost), legalCost);
        }
        Long givenAhead = first(values, "ahead", RateLimitSettings::ahead);
        long ahead = givenAhead == null ? Math.max(1, Math.min(burst, rate / AHEADS_IN_A_SECOND)) : givenAhead;
        if (ahead < 1 || ahead > burst) {
            throw invalid(values, "ahead", ahead, "1 to rate-limit.burst, which is " + burst);
        }
        OnFailure onFailure = first(values, "on-failure", RateLimitSettings::onFailure);
        return new RateLimitOptions(
                rate,
                burst,
                fixed == null ? 1 : fixed,
                fixed == null ? cost : null,
                0,
                Duration.ZERO,
                per(values),
                header(values),
                first(values, "shared", RateLimitSettings::shared),
                ahead,
                onFailure == null ? OnFailure.WAIT : onFailure);
    }

    private static RateLimitOptions ofWindow(Values values, int records) {
        if (records < 1 || records > 10_000_000) {
            throw invalid(values, "window-records", records, "1 to 10000000 records");
        }
        Duration set = first(values, "window", RateLimitSettings::window);
        Duration window = set == null ? Duration.ofSeconds(1) : set;
        if (window.isNegative() || window.isZero() || window.compareTo(Duration.ofDays(365)) > 0) {
            throw invalid(values, "window", window, "longer than zero, such as 1s, and at most 365d");
        }
        return new RateLimitOptions(
                0, 0, 1, null, records, window, per(values), header(values), null, 1, OnFailure.WAIT);
    }

    private static Per per(Values values) {
        String text = first(values, "per", RateLimitSettings::per);
        if (text == null) {
            return Per.LISTENER;
        }
        if (text.startsWith(HEADER_PREFIX) && text.length() > HEADER_PREFIX.length()) {
            return Per.HEADER;
        }
        for (Per per : Per.values()) {
            if (per != Per.HEADER && per.name().toLowerCase(Locale.ROOT).equals(text.toLowerCase(Locale.ROOT))) {
                return per;
            }
        }
        throw invalid(values, "per", text, "listener, partition, key or header:<name>");
    }

    private static String header(Values values) {
        String per = first(values, "per", RateLimitSettings::per);
        return per != null && per.startsWith(HEADER_PREFIX) ? per.substring(HEADER_PREFIX.length()) : "";
    }

    private static @Nullable Long wholeNumber(String text) {
        try {
            return Long.valueOf(text.trim());
        } catch (NumberFormatException e) {
            return null;
        }
    }

    private static <T> @Nullable T first(Values values, String key, Function<RateLimitSettings, @Nullable T> getter) {
        return values.first(
                "rate-limit." + key,
                settings -> settings.rateLimit() == null ? null : getter.apply(settings.rateLimit()),
                any -> true,
                "");
    }

    private static RuntimeException invalid(Values values, String key, Object value, String legal) {
        return values.invalid("rate-limit." + key, value, legal);
    }
}
