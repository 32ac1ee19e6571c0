package io.github.kafkabackpressure.producer;

import io.github.kafkabackpressure.BufferState;

/**
 * The buffer of a template changed its state. Published as an application event, on the thread that caused the change,
 * outside of any lock.
 *
 * <p>Threading: immutable.
 *
 * @param template bean name of the template
 * @param state the new state
 * @param buffered records that waited when the event was made
 */
public record BufferStateEvent(String template, BufferState state, int buffered) {}
