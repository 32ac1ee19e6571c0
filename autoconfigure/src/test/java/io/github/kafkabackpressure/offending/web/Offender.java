package io.github.kafkabackpressure.offending.web;

/** Breaks rules: uses a package that it must not use. */
public class Offender {

    io.github.kafkabackpressure.offending.actuate.Offender forbidden;
}
