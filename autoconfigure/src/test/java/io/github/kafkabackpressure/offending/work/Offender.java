package io.github.kafkabackpressure.offending.work;

/** Breaks rules: uses a package that it must not use. */
public class Offender {

    io.github.kafkabackpressure.offending.progress.Offender forbidden;
}
