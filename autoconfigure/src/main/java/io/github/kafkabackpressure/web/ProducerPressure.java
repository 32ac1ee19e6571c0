package io.github.kafkabackpressure.web;

import io.github.kafkabackpressure.BufferState;
import io.github.kafkabackpressure.SendOutcome;
import io.github.kafkabackpressure.producer.BackpressuredKafkaTemplate;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongSupplier;

/**
 * The pressure in a buffered template: from when its soft limit is passed until the buffer is half of that.
 *
 * <p>Threading: any thread.
 */
public final class ProducerPressure implements Pressure {

    /** How old the counts may be that the present speed is told by. */
    private static final long WINDOW_NANOS = TimeUnit.SECONDS.toNanos(10);

    private record Seen(long at, long delivered) {}

    private final BackpressuredKafkaTemplate<?, ?> template;

    private final LongSupplier nanoTime;

    private final AtomicReference<Seen> seen;

    public ProducerPressure(BackpressuredKafkaTemplate<?, ?> template) {
        this(template, System::nanoTime);
    }

    ProducerPressure(BackpressuredKafkaTemplate<?, ?> template, LongSupplier nanoTime) {
        this.template = template;
        this.nanoTime = nanoTime;
        this.seen = new AtomicReference<>(now());
    }

    private Seen now() {
        return new Seen(nanoTime.getAsLong(), template.stats().ended(SendOutcome.DELIVERED));
    }

    @Override
    public boolean isOver() {
        Seen before = Objects.requireNonNull(seen.get(), "set when this was made");
        if (nanoTime.getAsLong() - before.at() > WINDOW_NANOS) {
            seen.compareAndSet(before, now());
        }
        return template.state() != BufferState.NORMAL;
    }

    @Override
    public Duration timeToDrain() {
        Seen before = Objects.requireNonNull(seen.get(), "set when this was made");
        Seen now = now();
        double perSecond = (now.delivered() - before.delivered())
                * (double) TimeUnit.SECONDS.toNanos(1)
                / Math.max(1, now.at() - before.at());
        return Durations.of(template.stats().buffered(), perSecond);
    }
}
