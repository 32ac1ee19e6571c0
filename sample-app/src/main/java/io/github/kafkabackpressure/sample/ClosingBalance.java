package io.github.kafkabackpressure.sample;

import java.util.Locale;
import org.springframework.context.SmartLifecycle;
import org.springframework.stereotype.Component;

/**
 * Counts the orders on the topic before the first and after the last of this run, and says whether it all adds up.
 *
 * <p>Its phase is just below that in which the starter flushes the producers ({@code Integer.MIN_VALUE + 1000}): it
 * starts before the listeners, and stops when they have drained and nothing is left to send. It must not have a bean
 * injected that itself stops later than that, as Spring stops a bean before those that it depends on.
 */
@Component
class ClosingBalance implements SmartLifecycle {

    private final Backlog backlog;

    private final OrderCounts counts;

    private long before;

    private volatile boolean running;

    ClosingBalance(Backlog backlog, OrderCounts counts) {
        this.backlog = backlog;
        this.counts = counts;
    }

    @Override
    public int getPhase() {
        return Integer.MIN_VALUE + 500;
    }

    @Override
    public void start() {
        before = backlog.read().count();
        running = true;
    }

    @Override
    public void stop() {
        running = false;
        Backlog.Offsets offsets = backlog.read();
        long left = offsets.count();
        long again = counts.comeAgain(offsets);
        long done = counts.handled() - again;
        long delivered = counts.produced.get() - counts.failed.get();
        System.out.printf(
                Locale.ROOT, "Stopped: produced %,d, handled %,d.%n", counts.produced.get(), counts.handled());
        if (counts.failed.get() > 0) {
            System.out.printf(Locale.ROOT, "%,d were reported as not delivered.%n", counts.failed.get());
        }
        if (offsets.rememberedCount() > 0) {
            System.out.printf(
                    Locale.ROOT,
                    "%,d were handled ahead of older ones that still wait; the commits remember them.%n",
                    offsets.rememberedCount());
        }
        if (again > 0) {
            System.out.printf(Locale.ROOT, "%,d were handled and will be handled again.%n", again);
        }
        String onTopic = before == 0 ? "" : String.format(Locale.ROOT, "%,d there before + ", before);
        System.out.printf(
                Locale.ROOT,
                "%s%,d produced = %,d handled for good + %,d still on the topic: %s%n",
                onTopic,
                delivered,
                done,
                left,
                before + delivered == done + left ? "nothing was lost." : "IT DOES NOT ADD UP.");
    }

    @Override
    public boolean isRunning() {
        return running;
    }
}
