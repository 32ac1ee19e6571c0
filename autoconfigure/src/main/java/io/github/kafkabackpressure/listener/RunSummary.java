package io.github.kafkabackpressure.listener;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * What a listener has done from a start to its stop, and what comes again after that.
 *
 * <p>Threading: consumers' threads say what they leave, at their ends; who starts and stops the listener does the rest.
 */
final class RunSummary {

    private final LongAdder remembered = new LongAdder();

    private final LongAdder again = new LongAdder();

    private final LongAdder unfinished = new LongAdder();

    private volatile long endedBefore;

    private volatile long drainNanosBefore;

    private volatile long abandonedBefore;

    /** Takes in a start, and what the counts are over all that were before it. */
    void begin(long ended, long drainNanos, long abandoned) {
        remembered.reset();
        again.reset();
        unfinished.reset();
        endedBefore = ended;
        drainNanosBefore = drainNanos;
        abandonedBefore = abandoned;
    }

    /** As {@link io.github.kafkabackpressure.listener.task.RunCounts#left}. */
    void left(long recordsRemembered, long finishedAgain, long notFinished) {
        remembered.add(recordsRemembered);
        again.add(finishedAgain);
        unfinished.add(notFinished);
    }

    /** All of it in one line; the counts are as for {@link #begin}. */
    String line(long ended, long drainNanos, long abandoned, @Nullable Instant lastCommit) {
        return (ended - endedBefore) + " records ended, drained in "
                + TimeUnit.NANOSECONDS.toMillis(drainNanos - drainNanosBefore) + " ms, "
                + (abandoned - abandonedBefore) + " were left running, "
                + remembered + " finished past the frontiers are remembered, "
                + again + " finished and " + unfinished + " unfinished ones come again, last commit "
                + (lastCommit == null ? "never" : lastCommit.truncatedTo(ChronoUnit.SECONDS));
    }
}
