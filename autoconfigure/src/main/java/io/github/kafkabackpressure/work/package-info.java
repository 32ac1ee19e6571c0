/**
 * The workers of a listener: which records may run, on how many threads, and how quick they are. Pure Java: uses no
 * other package of the project, neither Spring nor Kafka. The only one of its kind that starts threads, by an executor.
 *
 * <p>To read: {@link io.github.kafkabackpressure.work.Slots}, {@link io.github.kafkabackpressure.work.ReadyTasks},
 * {@link io.github.kafkabackpressure.work.Pace}, {@link io.github.kafkabackpressure.work.Crew}, which has these three,
 * {@link io.github.kafkabackpressure.work.Worker}, and {@link io.github.kafkabackpressure.work.WorkerPool}, which starts
 * workers.
 *
 * <p>What is public is for this library's own packages and is not API.
 */
@NullMarked
package io.github.kafkabackpressure.work;

import org.jspecify.annotations.NullMarked;
