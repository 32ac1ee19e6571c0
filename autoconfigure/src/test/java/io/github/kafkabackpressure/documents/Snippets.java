package io.github.kafkabackpressure.documents;

import io.github.bucket4j.redis.lettuce.Bucket4jLettuce;
import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.producer.BackpressuredKafkaTemplate;
import io.github.kafkabackpressure.rate.Bucket4jSharedRateLimit;
import io.github.kafkabackpressure.rate.SharedRateLimit;
import io.github.kafkabackpressure.web.Pressure;
import io.github.kafkabackpressure.web.PressureRules;
import io.github.kafkabackpressure.web.PressureServerInterceptor;
import io.github.kafkabackpressure.web.ProducerPressure;
import io.grpc.ServerInterceptors;
import io.grpc.ServerServiceDefinition;
import io.lettuce.core.RedisClient;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.http.ResponseEntity;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.kafka.config.ConcurrentKafkaListenerContainerFactory;
import org.springframework.kafka.core.ConsumerFactory;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.listener.DeadLetterPublishingRecoverer;
import org.springframework.kafka.listener.DefaultErrorHandler;
import org.springframework.stereotype.Service;
import org.springframework.util.backoff.FixedBackOff;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RestController;

/** The code that documents show; {@link SnippetsIT} runs it. */
final class Snippets {

    /** What the payments of both applications below have been called with. */
    static final List<String> PAID = new CopyOnWriteArrayList<>();

    private Snippets() {}

    private static void fail(String order) {
        PAID.add(order);
        throw new IllegalStateException("the bank is closed");
    }

    static final class Before {

        private Before() {}

        // tag::before[]
        @Configuration
        static class Orders {

            @Bean
            DefaultErrorHandler errorHandler(KafkaTemplate<?, ?> template) {
                return new DefaultErrorHandler(new DeadLetterPublishingRecoverer(template), new FixedBackOff(1000, 1));
            }

            @Bean
            ConcurrentKafkaListenerContainerFactory<?, ?> kafkaListenerContainerFactory(
                    ConsumerFactory<Object, Object> consumers, DefaultErrorHandler errorHandler) {
                var factory = new ConcurrentKafkaListenerContainerFactory<>();
                factory.setConsumerFactory(consumers);
                factory.setCommonErrorHandler(errorHandler);
                factory.setConcurrency(2);
                return factory;
            }

            @KafkaListener(id = "payments", topics = "orders")
            void pay(String order) {
                // charges the customer
                // end::before[]
                fail(order);
                // tag::before[]
            }
        }
        // end::before[]
    }

    static final class After {

        private After() {}

        @Configuration
        static class Orders {

            @Bean
            DefaultErrorHandler errorHandler(KafkaTemplate<?, ?> template) {
                return new DefaultErrorHandler(new DeadLetterPublishingRecoverer(template), new FixedBackOff(1000, 1));
            }

            @Bean
            ConcurrentKafkaListenerContainerFactory<?, ?> kafkaListenerContainerFactory(
                    ConsumerFactory<Object, Object> consumers, DefaultErrorHandler errorHandler) {
                var factory = new ConcurrentKafkaListenerContainerFactory<>();
                factory.setConsumerFactory(consumers);
                factory.setCommonErrorHandler(errorHandler);
                factory.setConcurrency(2);
                return factory;
            }

            // tag::after[]
            @BackpressuredListener(id = "payments", topics = "orders")
            void pay(String order) {
                // charges the customer
                // end::after[]
                fail(order);
                // tag::after[]
            }
            // end::after[]
        }
    }

    static final class Buffered {

        private Buffered() {}

        // tag::buffered[]
        @Service
        static class Orders {

            private final BackpressuredKafkaTemplate<String, String> template;

            Orders(BackpressuredKafkaTemplate<String, String> template) {
                this.template = template;
            }

            void place(String id, String order) {
                template.send("orders", id, order); // waits for room up to max-block, unless overflow says otherwise
            }
        }
        // end::buffered[]
    }

    @RestController
    static class Shop {

        private final BackpressuredKafkaTemplate<String, String> template;

        Shop(BackpressuredKafkaTemplate<String, String> template) {
            this.template = template;
        }

        @PostMapping("/orders")
        ResponseEntity<?> place(@RequestBody String order) {
            ProducerRecord<String, String> record = new ProducerRecord<>("orders", order);
            // tag::accepted[]
            if (!template.trySend(record).accepted()) {
                return ResponseEntity.status(503).build();
            }
            // end::accepted[]
            return ResponseEntity.accepted().build();
        }
    }

    static ServerServiceDefinition grpc(BackpressuredKafkaTemplate<?, ?> template, ServerServiceDefinition service) {
        // tag::grpc[]
        Pressure pressure = new ProducerPressure(template);
        var retryAfter = new PressureRules.RetryAfter(Duration.ofSeconds(1), Duration.ofSeconds(60));
        return ServerInterceptors.intercept(service, new PressureServerInterceptor(pressure, retryAfter));
        // end::grpc[]
    }

    @Configuration(proxyBeanMethods = false)
    static class Quota {

        // tag::quota[]
        @Bean
        SharedRateLimit quota(RedisClient redis) {
            return Bucket4jSharedRateLimit.ofBytes(
                    Bucket4jLettuce.casBasedBuilder(redis).build());
        }
        // end::quota[]
    }
}
