package io.github.kafkabackpressure.listener;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * What one source says of how many records may be started in a time.
 *
 * <p>Threading: immutable.
 *
 * @param rate tokens a second, of which each record takes some when its handling begins; without a token it waits, and
 *     others go on
 * @param burst the most tokens that a bucket holds; the rate unless it is set
 * @param cost tokens that a record takes: a number, or a SpEL expression on the ConsumerRecord; 1 unless it is set
 * @param windowRecords records that may be started in any window of a length, in place of a rate
 * @param window the length of that window
 * @param per which records share a bucket: listener, partition, key, or header:&lt;name&gt; for one for each value of a
 *     header
 * @param shared the name of a SharedRateLimit bean that keeps the buckets for all instances of the application
 * @param ahead tokens that are taken from the shared buckets at once; a twentieth of the rate unless it is set
 * @param onFailure what holds while the shared buckets cannot be reached: records wait, or go by this instance's share of
 *     the rate
 */
public record RateLimitSettings(
        @Nullable Long rate,
        @Nullable Long burst,
        @Nullable String cost,
        @Nullable Integer windowRecords,
        @Nullable Duration window,
        @Nullable String per,
        @Nullable String shared,
        @Nullable Long ahead,
        RateLimitOptions.@Nullable OnFailure onFailure) {}
