package io.github.kafkabackpressure.offending.stray;

/** Stands in a package that has no place among the layers. */
public class Offender {}
