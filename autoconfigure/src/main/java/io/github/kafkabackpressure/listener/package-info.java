/**
 * The listener container: what polls, hands records to workers, commits, pauses and drains. May use {@code flow},
 * {@code progress} and the annotations; knows nothing of producers, meters or auto-configuration.
 */
@NullMarked
package io.github.kafkabackpressure.listener;

import org.jspecify.annotations.NullMarked;
