/**
 * The harness: starts the broker, fills topics, runs every contender in a JVM of its own, several times in turn, and
 * writes what came out. May use {@code contender} and {@code report}.
 */
@NullMarked
package io.github.kafkabackpressure.benchmarks;

import org.jspecify.annotations.NullMarked;
