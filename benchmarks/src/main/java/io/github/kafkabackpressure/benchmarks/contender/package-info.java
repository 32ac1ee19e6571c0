/**
 * What runs in the JVM of one run: a contender, which brings records to a handler, and a probe, which is that handler
 * and measures. Uses none of the other benchmark packages.
 */
@NullMarked
package io.github.kafkabackpressure.benchmarks.contender;

import org.jspecify.annotations.NullMarked;
