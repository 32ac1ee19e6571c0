package io.github.kafkabackpressure.offending.listener.overload;

/** Breaks a rule: uses what puts it together. */
public class Offender {

    io.github.kafkabackpressure.offending.listener.Offender forbidden;
}
