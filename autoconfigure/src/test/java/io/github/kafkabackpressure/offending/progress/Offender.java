package io.github.kafkabackpressure.offending.progress;

/** Breaks rules: uses a package that it must not use. */
public class Offender {

    io.github.kafkabackpressure.offending.flow.Offender forbidden;
}
