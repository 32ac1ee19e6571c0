package io.github.kafkabackpressure.producer;

import java.util.concurrent.CompletableFuture;
import org.springframework.kafka.support.SendResult;

/**
 * What a {@code trySend} answers.
 *
 * <p>Threading: immutable.
 */
public sealed interface TrySendResult<K, V> {

    /** Whether the record was accepted, for who does not ask why not. */
    default boolean accepted() {
        return this instanceof Accepted;
    }

    /**
     * The record is in the buffer.
     *
     * @param future how its sending ends
     */
    record Accepted<K, V>(CompletableFuture<SendResult<K, V>> future) implements TrySendResult<K, V> {}

    /** Refused: under the rate limit it was not its turn. */
    record RateLimited<K, V>() implements TrySendResult<K, V> {}

    /**
     * Refused: the buffer is full, or above its soft limit and the priority is low.
     *
     * @param reason in a sentence
     */
    record Dropped<K, V>(String reason) implements TrySendResult<K, V> {}

    /** Refused: the context is closing, or closed. */
    record Closed<K, V>() implements TrySendResult<K, V> {}
}
