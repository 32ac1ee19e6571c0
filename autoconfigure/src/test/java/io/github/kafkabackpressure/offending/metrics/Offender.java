package io.github.kafkabackpressure.offending.metrics;

/** Breaks rules: uses a package that it must not use. */
public class Offender {

    io.github.kafkabackpressure.offending.autoconfigure.Offender forbidden;

    io.github.kafkabackpressure.offending.listener.task.Offender inside;
}
