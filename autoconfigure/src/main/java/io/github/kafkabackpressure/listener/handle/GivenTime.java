package io.github.kafkabackpressure.listener.handle;

import io.micrometer.core.instrument.Clock;
import io.micrometer.core.instrument.Timer;

/**
 * A clock between whose first moment and all later ones a given time passes: what spring-kafka's timers record is the time
 * between two looks at a clock.
 *
 * <p>Threading: one thread.
 */
final class GivenTime implements Clock {

    private long nanos;

    private GivenTime() {}

    /** A sample which, whenever it is stopped, has lasted so long; it may be stopped any number of times. */
    static Timer.Sample sample(long nanos) {
        GivenTime clock = new GivenTime();
        Timer.Sample sample = Timer.start(clock);
        clock.nanos = nanos;
        return sample;
    }

    @Override
    public long monotonicTime() {
        return nanos;
    }

    @Override
    public long wallTime() {
        return 0;
    }
}
