package io.github.kafkabackpressure.offending.listener.handle;

/** Breaks a rule: uses the consumer's side, which uses this. */
public class Offender {

    io.github.kafkabackpressure.offending.listener.consume.Offender forbidden;
}
