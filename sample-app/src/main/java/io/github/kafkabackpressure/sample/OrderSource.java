package io.github.kafkabackpressure.sample;

import io.github.kafkabackpressure.producer.BackpressuredKafkaTemplate;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.springframework.context.SmartLifecycle;
import org.springframework.stereotype.Component;

/**
 * Customers who order, and a market that changes prices, at a rate that does not care how fast anyone is. Its phase is the default one, the
 * highest: it starts last and stops first.
 */
@Component
class OrderSource implements SmartLifecycle {

    private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

    private static final long LONGEST_LAG_NANOS = TimeUnit.SECONDS.toNanos(1);

    private static final int ARTICLES = 50;

    private final BackpressuredKafkaTemplate<String, Object> template;

    private final OrderCounts counts;

    private final SampleProperties properties;

    private final Knobs knobs;

    private volatile @Nullable Thread thread;

    OrderSource(
            BackpressuredKafkaTemplate<String, Object> template,
            OrderCounts counts,
            SampleProperties properties,
            Knobs knobs) {
        this.template = template;
        this.counts = counts;
        this.properties = properties;
        this.knobs = knobs;
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
        long due = System.nanoTime();
        for (long id = 1; isRunning(); id++) {
            due += TimeUnit.SECONDS.toNanos(1) / knobs.setting().ordersPerSecond();
            while (isRunning() && System.nanoTime() - due < 0) {
                LockSupport.parkNanos(PAUSE_NANOS);
            }
            due = Math.max(
                    due, System.nanoTime() - LONGEST_LAG_NANOS); // what could not be sent in time is not made up for
            String customer = "customer-" + random.nextInt(properties.customers());
            order(new Order(id, customer, 100 + random.nextInt(10_000)));
            price("article-" + random.nextInt(ARTICLES), 100 + random.nextInt(10_000));
        }
    }

    private void order(Order order) {
        var unused = template.send(SampleApplication.ORDERS, order.customer(), order)
                .whenComplete((sent, failure) -> {
                    if (failure != null) {
                        counts.failed.incrementAndGet();
                    }
                });
        counts.produced.incrementAndGet();
    }

    private void price(String article, int cents) {
        var unused = template.send(SampleApplication.PRICES, article, new Price(article, cents));
    }
}
