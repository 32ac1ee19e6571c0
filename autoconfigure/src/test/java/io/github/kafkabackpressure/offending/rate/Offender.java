package io.github.kafkabackpressure.offending.rate;

/** Breaks rules: uses a package that it must not use. */
public class Offender {

    io.github.kafkabackpressure.offending.producer.Offender forbidden;
}
