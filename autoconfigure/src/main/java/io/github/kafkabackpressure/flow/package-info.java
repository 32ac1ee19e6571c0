/**
 * What is in flight and what follows from it: counters, limits with their watermarks, and the gate that wakes a
 * polling consumer. Pure Java: uses no other package of the project, neither Spring nor Kafka, and starts no thread.
 */
@NullMarked
package io.github.kafkabackpressure.flow;

import org.jspecify.annotations.NullMarked;
