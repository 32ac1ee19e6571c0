package io.github.kafkabackpressure.offending.autoconfigure;

/** Breaks a rule: uses a package that has no place among the layers. */
public class Offender {

    io.github.kafkabackpressure.offending.stray.Offender forbidden;
}
