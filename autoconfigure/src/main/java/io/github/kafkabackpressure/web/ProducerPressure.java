package io.github.kafkabackpressure.web;

import io.github.kafkabackpressure.BufferState;
import io.github.kafkabackpressure.SendOutcome;
import io.github.kafkabackpressure.producer.BackpressuredKafkaTemplate;
import io.github.kafkabackpressure.producer.ProducerSnapshot;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/**
 * The pressure in a buffered template: from when its soft limit is passed until the buffer is half of that. How long that
 * takes it tells by what has been delivered between two looks, which are made when it is asked.
 *
 * <p>Threading: any thread.
 */
public final class ProducerPressure implements Pressure {

    /** A look that is older tells nothing of the present speed, but if nothing has been delivered since. */
    private static final long OLDEST_NANOS = TimeUnit.SECONDS.toNanos(15);

    /** A look that is younger tells nothing either: acknowledgements come in batches. */
    private static final long YOUNGEST_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

    /** How old the newer look gets before another takes its place. */
    private static final long NEXT_NANOS = TimeUnit.SECONDS.toNanos(5);

    /** @param busy whether there was something to deliver: how fast that goes, an idle time does not tell */
    private record Look(long at, long delivered, boolean busy) {

        boolean tellsSpeed(Look now) {
            long age = now.at - at;
            return busy && age >= YOUNGEST_NANOS && (age <= OLDEST_NANOS || now.delivered == delivered);
        }

        double perSecond(Look now) {
            return (now.delivered - delivered) * (double) TimeUnit.SECONDS.toNanos(1) / Math.max(1, now.at - at);
        }
    }

    private record Looks(Look older, Look newer) {}

    private final Supplier<ProducerSnapshot> template;

    private final Supplier<BufferState> state;

    private final LongSupplier nanoTime;

    private final AtomicReference<Looks> looks;

    public ProducerPressure(BackpressuredKafkaTemplate<?, ?> template) {
        this(template::snapshot, template::state, System::nanoTime);
    }

    ProducerPressure(Supplier<ProducerSnapshot> template, Supplier<BufferState> state, LongSupplier nanoTime) {
        this.template = template;
        this.state = state;
        this.nanoTime = nanoTime;
        Look first = look(template.get());
        this.looks = new AtomicReference<>(new Looks(first, first));
    }

    private Look look(ProducerSnapshot now) {
        return new Look(
                nanoTime.getAsLong(),
                now.outcomes().getOrDefault(SendOutcome.DELIVERED, 0L),
                now.buffered() + now.inFlight() > 0);
    }

    /** The looks so far, after another one if it is time. */
    private Looks looks(boolean over) {
        Looks before = Objects.requireNonNull(looks.get(), "set when this was made");
        boolean due = nanoTime.getAsLong() - before.newer.at >= NEXT_NANOS;
        if (!due && (before.newer.busy || !over)) {
            return before;
        }
        Looks after = new Looks(before.newer, look(template.get()));
        return looks.compareAndSet(before, after) ? after : Objects.requireNonNull(looks.get());
    }

    @Override
    public boolean isOver() {
        boolean over = state.get() != BufferState.NORMAL;
        looks(over);
        return over;
    }

    @Override
    public Duration timeToDrain() {
        Looks before = looks(true);
        ProducerSnapshot snapshot = template.get();
        Look now = look(snapshot);
        if (before.older.tellsSpeed(now)) {
            return Durations.of(tooMany(snapshot), before.older.perSecond(now));
        }
        if (before.newer.tellsSpeed(now)) {
            return Durations.of(tooMany(snapshot), before.newer.perSecond(now));
        }
        return Duration.ZERO; // nothing is known of the present speed: who asks again soon is told
    }

    /** How many records have to leave the buffer until the pressure is over. */
    private static long tooMany(ProducerSnapshot now) {
        double calm = now.softLimit() / 2.0;
        double calmBytes = calm / now.maxBuffered() * now.maxBufferedBytes();
        double share = Math.max(1 - calm / now.buffered(), 1 - calmBytes / now.bufferedBytes());
        return (long) Math.ceil(Math.max(0, share) * now.buffered()); // an empty buffer divides to minus infinity
    }
}
