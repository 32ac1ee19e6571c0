package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.listener.RateLimitOptions.OnFailure;
import io.github.kafkabackpressure.listener.RateLimitOptions.Per;
import io.github.kafkabackpressure.listener.SettingValues.Source;
import io.github.kafkabackpressure.rate.TokenBucket;
import java.time.Duration;
import java.util.Locale;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Makes a listener's rate limit of what the sources of its settings say.
 *
 * <p>Threading: stateless.
 */
final class RateLimitReader {

    private static final String HEADER_PREFIX = "header:";

    /** Tokens for so long are taken at once, unless it is said how many: a twentieth of a second's. */
    private static final int AHEADS_IN_A_SECOND = 20;

    private RateLimitReader() {}

    /**
     * Takes each value from the first source that has it. Which of rate and window it is, the first source says that has one
     * of them.
     *
     * @param alone whether a source is looked at without the others, from which its burst may come
     * @return null if no source says anything of a rate or a window
     */
    static @Nullable RateLimitOptions read(SettingValues values, boolean alone) {
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

    private static void refuse(SettingValues values, Source source, @Nullable Object value, String key, String other) {
        if (value != null) {
            throw values.invalid(source, "rate-limit." + key, value, "unset where rate-limit." + other + " is set");
        }
    }

    private static RateLimitOptions ofRate(SettingValues values, long rate, boolean alone) {
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
        if (fixed == null && (cost == null || !RecordExpression.isExpression(cost))) {
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

    private static RateLimitOptions ofWindow(SettingValues values, int records) {
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

    private static Per per(SettingValues values) {
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

    private static String header(SettingValues values) {
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

    private static <T> @Nullable T first(
            SettingValues values, String key, Function<RateLimitSettings, @Nullable T> getter) {
        return values.first(
                "rate-limit." + key,
                settings -> settings.rateLimit() == null ? null : getter.apply(settings.rateLimit()),
                any -> true,
                "");
    }

    private static RuntimeException invalid(SettingValues values, String key, Object value, String legal) {
        return values.invalid("rate-limit." + key, value, legal);
    }
}
