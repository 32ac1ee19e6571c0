package io.github.kafkabackpressure.benchmarks.contender;

import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.support.converter.RecordMessageConverter;
import org.springframework.kafka.support.converter.StringJacksonJsonMessageConverter;

/** Listeners are given an object that is made of the record's JSON. */
@Configuration(proxyBeanMethods = false)
class JsonConversion {

    @Bean
    RecordMessageConverter jsonMessages() {
        return new StringJacksonJsonMessageConverter();
    }

    /** What records with JSON values hold. */
    record Order(String customer, long cents, String note) {}
}
