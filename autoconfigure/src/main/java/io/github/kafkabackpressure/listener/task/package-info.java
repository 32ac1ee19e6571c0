/**
 * What the consumers and the workers of a listener meet in: the task and the slice that one hands to the other, what a
 * worker may know of a record's origin and of its consumer, the room that all share, and the one way out of flight.
 *
 * <p>Both kinds of threads run this; each class says which may call what. Uses neither {@code listener.consume} nor
 * {@code listener.handle}, and of {@code listener} nothing.
 *
 * <p>To read: {@link io.github.kafkabackpressure.listener.task.RecordTask},
 * {@link io.github.kafkabackpressure.listener.task.RecordSlice},
 * {@link io.github.kafkabackpressure.listener.task.RecordOrigin},
 * {@link io.github.kafkabackpressure.listener.task.ConsumerLink},
 * {@link io.github.kafkabackpressure.listener.task.Flight}, and
 * {@link io.github.kafkabackpressure.listener.task.ListenerRun}, which puts them together.
 *
 * <p>What is public is so for {@code listener} and its other packages, and is not API.
 */
@NullMarked
package io.github.kafkabackpressure.listener.task;

import org.jspecify.annotations.NullMarked;
