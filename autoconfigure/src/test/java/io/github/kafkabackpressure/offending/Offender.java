package io.github.kafkabackpressure.offending;

/** Breaks a rule: the root package uses another one. */
public class Offender {

    io.github.kafkabackpressure.offending.flow.Offender upwards;
}
