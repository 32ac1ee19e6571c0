package io.github.kafkabackpressure.autoconfigure;

import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * Which meters there are.
 *
 * @param partitions Whether to have meters of single partitions, too.
 * @param histograms Whether to count each record in histograms, which is noticeable where methods only compute. Records so
 *     quick that they come together share their mean.
 */
@ConfigurationProperties("kafka.backpressure.metrics")
record KafkaBackpressureMetricsProperties(
        @DefaultValue("false") boolean partitions,
        @DefaultValue("false") boolean histograms) {}
