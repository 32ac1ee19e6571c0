/**
 * The classes without Spring, Kafka and threads, each alone under JMH. Uses none of the other benchmark packages.
 */
@NullMarked
package io.github.kafkabackpressure.benchmarks.jmh;

import org.jspecify.annotations.NullMarked;
