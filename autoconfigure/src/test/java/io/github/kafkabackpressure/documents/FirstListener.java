package io.github.kafkabackpressure.documents;

import io.github.kafkabackpressure.BackpressuredListener;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.springframework.stereotype.Component;

/** The listener that the README begins with. */
final class FirstListener {

    static final List<String> PAID = new CopyOnWriteArrayList<>();

    private FirstListener() {}

    // tag::listener[]
    @Component
    static class Payments {

        @BackpressuredListener(id = "payments", topics = "orders")
        void pay(String order) {
            // is called on up to 16 threads at once, for orders of different keys
            // end::listener[]
            PAID.add(order);
            // tag::listener[]
        }
    }
    // end::listener[]
}
