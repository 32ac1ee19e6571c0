package io.github.kafkabackpressure.sample;

import io.github.kafkabackpressure.BackpressuredListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.springframework.stereotype.Component;

/** The slow step. Its limits stand in application.yml, under its id. */
@Component
class Payments {

    static final String LISTENER = "payments";

    static final String GROUP = "sample-payments";

    private final OrderCounts counts;

    private final SampleProperties properties;

    Payments(OrderCounts counts, SampleProperties properties) {
        this.counts = counts;
        this.properties = properties;
    }

    @BackpressuredListener(id = LISTENER, groupId = GROUP, topics = SampleApplication.TOPIC)
    void pay(ConsumerRecord<String, Order> order) throws InterruptedException {
        Thread.sleep(properties.paymentTime().toMillis()); // the bank takes its time
        counts.handled(order);
    }
}
