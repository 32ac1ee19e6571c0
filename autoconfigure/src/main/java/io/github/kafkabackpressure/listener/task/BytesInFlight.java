package io.github.kafkabackpressure.listener.task;

import io.github.kafkabackpressure.flow.SharedWatermarks;
import io.github.kafkabackpressure.flow.Watermarks;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;

/**
 * The bytes of keys and values in flight, where {@code max-in-flight-bytes} limits them. Without that limit nothing is
 * counted.
 *
 * <p>Threading: any thread.
 */
public final class BytesInFlight {

    /** The watermarks of the limit; null without one. */
    private final @Nullable SharedWatermarks marks;

    private final AtomicLong inFlight = new AtomicLong();

    public BytesInFlight(RunSettings settings) {
        this.marks = settings.maxInFlightBytes() > 0 ? new SharedWatermarks(marks(settings)) : null;
    }

    private static Watermarks marks(RunSettings settings) {
        return Watermarks.of(settings.maxInFlightBytes(), settings.resumeAt());
    }

    /** Takes in another limit, where there is one. */
    public void change(RunSettings changed) {
        if (marks != null) {
            marks.change(marks(changed));
        }
    }

    /** The bytes of a record's key and value on the wire. */
    public static long of(ConsumerRecord<?, ?> record) {
        return Math.max(0, record.serializedKeySize()) + (long) Math.max(0, record.serializedValueSize());
    }

    /** The bytes in flight; 0 where they are not counted. */
    public long inFlight() {
        return inFlight.get();
    }

    boolean isCounted() {
        return marks != null;
    }

    /** Counts records in. */
    public void addAll(RecordOrigin origin, List<? extends ConsumerRecord<?, ?>> records) {
        if (marks != null) {
            long bytes = 0;
            for (ConsumerRecord<?, ?> record : records) {
                bytes += of(record);
            }
            add(origin, bytes);
        }
    }

    /** Counts a record in. */
    public void add(RecordOrigin origin, ConsumerRecord<?, ?> record) {
        if (marks != null) {
            add(origin, of(record));
        }
    }

    private void add(RecordOrigin origin, long bytes) {
        origin.addBytes(bytes);
        inFlight.addAndGet(bytes);
    }

    /** Counts a record out, unless its partition's end has done so. */
    public void remove(RecordOrigin origin, ConsumerRecord<?, ?> record) {
        if (marks != null) {
            remove(origin, of(record));
        }
    }

    /** Counts bytes out, which are counted, unless their partition's end has done so. */
    public void remove(RecordOrigin origin, long bytes) {
        if (origin.removeBytes(bytes)) {
            inFlight.addAndGet(-bytes);
        }
    }

    /** Counts all of a partition out, whose assignment is over. */
    public void removeAll(RecordOrigin origin) {
        if (marks != null) {
            inFlight.addAndGet(-origin.closeBytes());
        }
    }

    /** Whether there are too many. The consumers' threads. */
    public boolean pause() {
        return marks != null && marks.pauses(inFlight.get());
    }

    /** Whether consumers that are paused for them may go on. */
    public boolean resume() {
        return marks != null && marks.resumesAt(inFlight.get());
    }
}
