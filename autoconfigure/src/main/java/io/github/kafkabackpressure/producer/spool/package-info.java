/**
 * Where undelivered records wait for the next start: files of a directory for each template, written at a shutdown and
 * sent before anything else. Uses nothing of {@code producer}, which uses it through {@link
 * io.github.kafkabackpressure.producer.spool.UndeliveredStore}. What is public here is so for {@code producer}, and is
 * no API.
 */
@NullMarked
package io.github.kafkabackpressure.producer.spool;

import org.jspecify.annotations.NullMarked;
