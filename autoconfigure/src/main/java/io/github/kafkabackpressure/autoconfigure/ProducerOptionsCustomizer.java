package io.github.kafkabackpressure.autoconfigure;

import io.github.kafkabackpressure.producer.ProducerOptions;

/** A bean of this type has the last say about what the auto-configured buffered template does. */
@FunctionalInterface
public interface ProducerOptionsCustomizer {

    /**
     * Changes the options.
     *
     * @param options as the properties say, or another customizer
     * @return those that are to hold
     */
    ProducerOptions customize(ProducerOptions options);
}
