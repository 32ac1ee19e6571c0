package io.github.kafkabackpressure.sample;

import io.github.kafkabackpressure.BackpressuredListener;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.springframework.stereotype.Component;

/**
 * A board that shows the price of each article. Nobody wants to read yesterday's price, so of an article only the newest one
 * that waits is kept, and what is too old is not shown: see application.yml, under its id.
 */
@Component
class PriceBoard {

    static final String LISTENER = "prices";

    private final Map<String, Price> shown = new ConcurrentHashMap<>();

    @BackpressuredListener(id = LISTENER, groupId = "sample-prices", topics = SampleApplication.PRICES)
    void show(ConsumerRecord<String, Price> price) throws InterruptedException {
        TimeUnit.MILLISECONDS.sleep(20); // to draw it takes a while
        shown.put(price.key(), price.value());
    }

    /** The prices on the board, by article. */
    Map<String, Price> shown() {
        return Map.copyOf(shown);
    }
}
