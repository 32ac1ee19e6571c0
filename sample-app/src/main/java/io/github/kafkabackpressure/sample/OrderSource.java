package io.github.kafkabackpressure.sample;

import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.springframework.context.SmartLifecycle;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.stereotype.Component;

/**
 * Customers who order, at a steady rate that does not care how fast the payments are. Its phase is the default one, the
 * highest: it starts last and stops first.
 */
@Component
class OrderSource implements SmartLifecycle {

    private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

    private final KafkaTemplate<String, Order> template;

    private final OrderCounts counts;

    private final SampleProperties properties;

    private volatile @Nullable Thread thread;

    OrderSource(KafkaTemplate<String, Order> template, OrderCounts counts, SampleProperties properties) {
        this.template = template;
        this.counts = counts;
        this.properties = properties;
    }

    @Override
    public void start() {
        Thread starting = new Thread(this::produce, "orders");
        thread = starting;
        starting.start();
    }

    @Override
    public void stop() {
        Thread stopping = thread;
        thread = null;
        if (stopping == null) {
            return;
        }
        try {
            stopping.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        System.out.println("Stopping: no more orders, the payments that have begun go on.");
    }

    @Override
    public boolean isRunning() {
        return thread != null;
    }

    private void produce() {
        Random random = new Random();
        long start = System.nanoTime();
        for (long id = 1; isRunning(); id++) {
            long due = start + id * TimeUnit.SECONDS.toNanos(1) / properties.ordersPerSecond();
            while (isRunning() && System.nanoTime() < due) {
                LockSupport.parkNanos(PAUSE_NANOS);
            }
            String customer = "customer-" + random.nextInt(properties.customers());
            send(new Order(id, customer, 100 + random.nextInt(10_000)));
        }
    }

    private void send(Order order) {
        try {
            var unused = template.send(SampleApplication.TOPIC, order.customer(), order)
                    .whenComplete((sent, failure) -> {
                        if (failure != null) {
                            counts.failed.incrementAndGet();
                        }
                    });
            counts.produced.incrementAndGet();
        } catch (RuntimeException e) {
            System.out.println("An order was refused: " + e.getMessage());
        }
    }
}
