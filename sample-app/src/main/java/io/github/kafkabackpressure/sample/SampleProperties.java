package io.github.kafkabackpressure.sample;

import java.time.Duration;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * How much there is to do.
 *
 * @param seconds after so many seconds the application ends by itself, so that its load is bounded
 * @param ordersPerSecond orders that come in each second
 * @param customers customers who order; an order's key is its customer
 * @param partitions partitions of the topic, if it does not exist
 * @param paymentTime time that one payment takes
 */
@ConfigurationProperties("sample")
record SampleProperties(
        @DefaultValue("300") int seconds,
        @DefaultValue("1000") int ordersPerSecond,
        @DefaultValue("100") int customers,
        @DefaultValue("4") int partitions,
        @DefaultValue("20ms") Duration paymentTime) {}
