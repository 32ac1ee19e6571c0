package io.github.kafkabackpressure.offending.buffer;

/** Breaks rules: uses a package that it must not use. */
public class Offender {

    io.github.kafkabackpressure.offending.producer.Offender forbidden;
}
