/**
 * What runs on workers: they take a task, make attempts at its record or its batch, ask the error handler about those
 * that failed, and wait between two attempts or for the end of one.
 *
 * <p>Asynchronous results and late acknowledgments come in on any thread, and only say how an attempt ended. Uses
 * {@code listener.task} and {@code listener.overload}; knows nothing of {@code listener.consume}, and of
 * {@code listener} nothing.
 *
 * <p>To read: {@link io.github.kafkabackpressure.listener.handle.LaneTaskHandler},
 * {@link io.github.kafkabackpressure.listener.handle.RecordInvoker},
 * {@link io.github.kafkabackpressure.listener.handle.RecordAttempts},
 * {@link io.github.kafkabackpressure.listener.handle.ErrorHandling},
 * {@link io.github.kafkabackpressure.listener.handle.BatchInvoker}.
 *
 * <p>What is public is so for {@code listener}, and is not API.
 */
@NullMarked
package io.github.kafkabackpressure.listener.handle;

import org.jspecify.annotations.NullMarked;
