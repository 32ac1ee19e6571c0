package io.github.kafkabackpressure.listener.handle;

import io.github.kafkabackpressure.listener.task.ConsumerLink;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import org.apache.commons.logging.LogFactory;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;
import org.springframework.core.log.LogAccessor;
import org.springframework.kafka.support.micrometer.MicrometerHolder;

/**
 * spring-kafka's own timers of a listener, one for each of its consumers, by name.
 *
 * <p>Threading: the workers.
 */
public final class ListenerTimers {

    private static final LogAccessor LOG = new LogAccessor(LogFactory.getLog(ListenerTimers.class));

    private final Map<String, MicrometerHolder> timers = new ConcurrentHashMap<>();

    private final Function<String, MicrometerHolder> maker;

    /** Whether the tags depend on the record. */
    private final boolean byRecord;

    public ListenerTimers(Function<String, MicrometerHolder> maker, boolean byRecord) {
        this.maker = maker;
        this.byRecord = byRecord;
    }

    /** Starts the timer of a consumer. A timer that throws is logged and harms nothing. */
    public Running start(ConsumerLink consumer) {
        MicrometerHolder timer = null;
        Object sample = null;
        try {
            timer = timers.computeIfAbsent(consumer.facts.name(), maker);
            sample = timer.start();
        } catch (RuntimeException e) {
            LOG.error(e, "the timer of a listener could not be started");
        }
        return new Running(timer, sample);
    }

    /** Whether the tags depend on the record. */
    public boolean byRecord() {
        return byRecord;
    }

    /**
     * Tells the timer of a consumer of records, each as if it had been timed, where tags do not depend on them. A timer that
     * throws is logged and harms nothing.
     *
     * @param records how many they were
     * @param nanosEach how long each took on average, in nanoseconds
     * @param failure what the last of them failed with; null if it did not
     */
    public void tell(ConsumerLink consumer, int records, long nanosEach, @Nullable Exception failure) {
        try {
            MicrometerHolder timer = timers.computeIfAbsent(consumer.facts.name(), maker);
            Object sample = GivenTime.sample(nanosEach);
            for (int record = failure == null ? 0 : 1; record < records; record++) {
                timer.success(sample);
            }
            if (failure != null) {
                timer.failure(sample, exceptionTag(failure));
            }
        } catch (RuntimeException | Error e) { // the records have been handled, and the next may have been claimed
            LOG.error(e, "the timer of a listener threw an exception");
        }
    }

    private static String exceptionTag(Exception failure) {
        Throwable cause = failure.getCause() == null ? failure : failure.getCause();
        return cause.getClass().getSimpleName();
    }

    /** One measurement. */
    public final class Running {

        private final @Nullable MicrometerHolder timer;

        private final @Nullable Object sample;

        private Running(@Nullable MicrometerHolder timer, @Nullable Object sample) {
            this.timer = timer;
            this.sample = sample;
        }

        /**
         * Ends it.
         *
         * @param record what it was for, where that was one record
         * @param failure what the listener failed with
         */
        public void stop(@Nullable ConsumerRecord<?, ?> record, @Nullable Exception failure) {
            if (timer == null || sample == null) {
                return;
            }
            try {
                if (failure == null) {
                    stop(timer, sample, record);
                } else {
                    stop(timer, sample, record, exceptionTag(failure));
                }
            } catch (RuntimeException e) {
                LOG.error(e, "the timer of a listener threw an exception");
            }
        }

        private void stop(MicrometerHolder holder, Object started, @Nullable ConsumerRecord<?, ?> record) {
            if (byRecord && record != null) {
                holder.success(started, record);
            } else {
                holder.success(started);
            }
        }

        private void stop(
                MicrometerHolder holder, Object started, @Nullable ConsumerRecord<?, ?> record, String exception) {
            if (byRecord && record != null) {
                holder.failure(started, exception, record);
            } else {
                holder.failure(started, exception);
            }
        }
    }
}
