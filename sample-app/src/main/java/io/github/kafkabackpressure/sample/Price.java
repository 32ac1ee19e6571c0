package io.github.kafkabackpressure.sample;

/**
 * What an article costs from now on, on the topic as JSON.
 *
 * @param article the article
 * @param cents its price
 */
record Price(String article, int cents) {}
