/**
 * Micrometer meters behind the metrics ports of listeners and producers. May use {@code listener} and {@code producer}.
 */
@NullMarked
package io.github.kafkabackpressure.metrics;

import org.jspecify.annotations.NullMarked;
