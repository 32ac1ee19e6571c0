/**
 * What runs on a consumer's thread: the consumer that spring-kafka's loop gets, its turns (tick, poll, hand-over), the
 * partitions and their lanes, pauses, commits, seeks, and how partitions leave.
 *
 * <p>Where a class lets other threads in, it says so. Uses {@code listener.task} and {@code listener.overload}; knows
 * nothing of {@code listener.handle}, and of {@code listener} nothing.
 *
 * <p>To read: {@link io.github.kafkabackpressure.listener.consume.BackpressuredConsumer},
 * {@link io.github.kafkabackpressure.listener.consume.Turns},
 * {@link io.github.kafkabackpressure.listener.consume.Assignment},
 * {@link io.github.kafkabackpressure.listener.consume.Dispatcher},
 * {@link io.github.kafkabackpressure.listener.consume.PauseControl},
 * {@link io.github.kafkabackpressure.listener.consume.FrontierCommitter},
 * {@link io.github.kafkabackpressure.listener.consume.Rebalances},
 * {@link io.github.kafkabackpressure.listener.consume.Leaving}.
 *
 * <p>What is public is so for {@code listener}, and is not API.
 */
@NullMarked
package io.github.kafkabackpressure.listener.consume;

import org.jspecify.annotations.NullMarked;
