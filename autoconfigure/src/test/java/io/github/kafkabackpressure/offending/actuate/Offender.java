package io.github.kafkabackpressure.offending.actuate;

/** Breaks rules: uses a package that it must not use. */
public class Offender {

    io.github.kafkabackpressure.offending.web.Offender forbidden;
}
