package io.github.kafkabackpressure.offending.listener.task;

/** Breaks a rule: uses the consumer's side. */
public class Offender {

    io.github.kafkabackpressure.offending.listener.consume.Offender forbidden;
}
