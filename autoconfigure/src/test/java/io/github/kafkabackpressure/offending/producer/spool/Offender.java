package io.github.kafkabackpressure.offending.producer.spool;

/** Breaks a rule: uses the package that uses it. */
public class Offender {

    io.github.kafkabackpressure.offending.producer.Offender forbidden;
}
