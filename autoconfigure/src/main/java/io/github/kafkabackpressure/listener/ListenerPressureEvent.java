package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.BufferState;

/**
 * A listener's pressure has changed. Published as an application event on a consumer's thread, once for each change.
 *
 * <p>Threading: immutable.
 *
 * @param listener the listener's id
 * @param state the new state
 * @param inFlight records in flight when the event was made
 */
public record ListenerPressureEvent(String listener, BufferState state, long inFlight) {}
