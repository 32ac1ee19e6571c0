package io.github.kafkabackpressure.offending.listener.consume;

/** Breaks a rule: uses the workers' side. */
public class Offender {

    io.github.kafkabackpressure.offending.listener.handle.Offender forbidden;
}
