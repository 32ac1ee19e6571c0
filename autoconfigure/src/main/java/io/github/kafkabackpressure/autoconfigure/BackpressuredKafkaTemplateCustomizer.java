package io.github.kafkabackpressure.autoconfigure;

import io.github.kafkabackpressure.producer.BackpressuredKafkaTemplate;

/** A bean of this type has the last say about the auto-configured buffered template, before anyone gets it. */
@FunctionalInterface
public interface BackpressuredKafkaTemplateCustomizer {

    /** Sets what a template can be set to. */
    void customize(BackpressuredKafkaTemplate<?, ?> template);
}
