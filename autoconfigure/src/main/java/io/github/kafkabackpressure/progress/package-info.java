/**
 * How far the records of a partition have come: which are finished, which may run now, and up to where their offsets
 * may be committed. Pure Java: uses no other package of the project, neither Spring nor Kafka, and starts no thread.
 */
@NullMarked
package io.github.kafkabackpressure.progress;

import org.jspecify.annotations.NullMarked;
