/**
 * Back-pressure towards those who call the application: answers of 429 and 503 for HTTP, RESOURCE_EXHAUSTED for gRPC. May use
 * {@code listener} and {@code producer}.
 */
@NullMarked
package io.github.kafkabackpressure.web;

import org.jspecify.annotations.NullMarked;
