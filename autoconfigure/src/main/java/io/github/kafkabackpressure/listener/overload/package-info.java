/**
 * Where records wait for their start if more than a pause answers overload: in one room, from where they are started by
 * priority and rate, or dropped, and where dropped ones are sent.
 *
 * <p>Consumers put records in, workers take them out by tickets, a timer looks for what is due: any of these threads runs
 * this. Uses {@code listener.task} and of {@code listener} nothing.
 *
 * <p>What is public is so for {@code listener} and its other packages, and is not API.
 */
@NullMarked
package io.github.kafkabackpressure.listener.overload;

import org.jspecify.annotations.NullMarked;
