package io.github.kafkabackpressure.sample;

import io.github.kafkabackpressure.BackpressuredListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.listener.CommonErrorHandler;
import org.springframework.kafka.listener.DefaultErrorHandler;
import org.springframework.stereotype.Component;
import org.springframework.util.backoff.FixedBackOff;

/** The slow step. Its limits stand in application.yml, under its id. */
@Component
class Payments {

    static final String LISTENER = "payments";

    static final String GROUP = "sample-payments";

    private final OrderCounts counts;

    private final Knobs knobs;

    Payments(OrderCounts counts, Knobs knobs) {
        this.counts = counts;
        this.knobs = knobs;
    }

    @BackpressuredListener(id = LISTENER, groupId = GROUP, topics = SampleApplication.ORDERS)
    void pay(ConsumerRecord<String, Order> order) throws InterruptedException {
        long id = order.value().id();
        knobs.awaitPayment(id); // the bank takes its time
        if (knobs.refuses(id)) {
            throw new RefusedException();
        }
        counts.handled(order);
    }

    /** What the bank says when it cannot take a payment just now. */
    static final class RefusedException extends RuntimeException {

        private static final long serialVersionUID = 1L;

        RefusedException() {
            super("the bank refuses the payment just now");
        }
    }

    /** A payment that was refused is tried again each second until the bank takes it: no order is given up. */
    @Configuration(proxyBeanMethods = false)
    static class Retries {

        @Bean
        CommonErrorHandler retries() {
            return new DefaultErrorHandler(new FixedBackOff(1000, FixedBackOff.UNLIMITED_ATTEMPTS));
        }
    }
}
