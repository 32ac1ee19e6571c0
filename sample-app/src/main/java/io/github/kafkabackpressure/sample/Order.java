package io.github.kafkabackpressure.sample;

/**
 * An order, on the topic as JSON.
 *
 * @param id counts up from 1 in each run
 * @param customer who pays
 * @param cents how much
 */
record Order(long id, String customer, int cents) {}
