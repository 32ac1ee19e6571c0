/**
 * Results, and their forms: JSON, Markdown and SVG. Uses none of the other benchmark packages.
 */
@NullMarked
package io.github.kafkabackpressure.benchmarks.report;

import org.jspecify.annotations.NullMarked;
