package io.github.kafkabackpressure.rate;

import java.util.concurrent.CompletionStage;

/**
 * Buckets that several instances of an application take from together, kept where all of them can reach them. A listener
 * takes tokens in bulk ahead, so it asks for many records at once and not for each.
 *
 * <p>{@link Bucket4jSharedRateLimit} is one on top of Bucket4j.
 *
 * <p>Threading: called by any thread, under a lock: it must not block. The answer may come on any thread.
 */
public interface SharedRateLimit {

    /**
     * How a bucket refills.
     *
     * @param tokensPerSecond tokens a second
     * @param burst the most tokens that it holds; it starts full
     */
    record Rate(long tokensPerSecond, long burst) {}

    /**
     * What was taken.
     *
     * @param tokens how many; 0 if there was none
     * @param nanosToNext in how many nanoseconds there is at least one again; only if none was taken
     */
    record Grant(long tokens, long nanosToNext) {}

    /**
     * Takes as many tokens as there are.
     *
     * @param bucket the bucket's name, the same in all instances
     * @param most the most tokens to take, at least 1
     * @param rate how the bucket refills
     * @return the answer; ends exceptionally if the tokens cannot be reached
     */
    CompletionStage<Grant> take(String bucket, long most, Rate rate);
}
