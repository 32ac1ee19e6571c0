package io.github.kafkabackpressure.listener.task;

import io.github.kafkabackpressure.progress.LaneTask;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;

/**
 * Which records are being handled, since when, and what they wait for. A worker notes what it has in hand in a place of
 * its own, by two plain writes; only records that wait without a worker are entered in a map.
 *
 * <p>Threading: workers write, anyone reads. A reader may see a record that has just ended.
 */
public final class RunningRecords {

    private static final VarHandle TASK;

    static {
        try {
            TASK = MethodHandles.lookup().findVarHandle(Place.class, "task", LaneTask.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /**
     * A record that is being handled.
     *
     * @param begun when the handling began, on the run's clock
     * @param thread that has it in hand; null if none has
     */
    public record Running(
            ConsumerRecord<?, ?> record,
            RecordOrigin partition,
            long begun,
            WaitsFor waitsFor,
            @Nullable Thread thread) {}

    /** What one worker has in hand. */
    public static final class Place {

        private final Thread thread = Thread.currentThread();

        @SuppressWarnings("unused") // but for its handle
        private @Nullable LaneTask task;

        private long begun;

        private volatile WaitsFor waitsFor = WaitsFor.METHOD;

        /** Takes a task in hand. The worker's. */
        public void begin(LaneTask begins, long now) {
            begun = now;
            TASK.setRelease(this, begins);
        }

        /** Has nothing in hand any more. The worker's. */
        public void end() {
            TASK.setRelease(this, (LaneTask) null);
        }

        private @Nullable Running running() {
            LaneTask now = (LaneTask) TASK.getAcquire(this);
            long since = begun;
            if (now instanceof RecordTask task) {
                return new Running(task.record, task.partition, since, waitsFor, thread);
            }
            if (now instanceof RecordSlice slice) {
                ConsumerRecord<?, ?> record = slice.claimedRecord();
                return record == null ? null : new Running(record, slice.partition, since, waitsFor, thread);
            }
            return null;
        }
    }

    private record Waiting(WaitsFor waitsFor, long begun) {}

    private final Set<Place> places = ConcurrentHashMap.newKeySet();

    private final Map<RecordTask, Waiting> waiting = new ConcurrentHashMap<>();

    private final ThreadLocal<Place> mine = ThreadLocal.withInitial(() -> {
        Place place = new Place();
        places.add(place);
        return place;
    });

    /** The calling worker's place. */
    public Place place() {
        return mine.get();
    }

    /** Forgets the calling worker, which ends. */
    void workerEnds() {
        places.remove(mine.get());
        mine.remove();
    }

    /** Says what the calling worker waits for with the record that it has in hand. Returns what it did before. */
    public WaitsFor waitsFor(WaitsFor next) {
        Place place = mine.get();
        WaitsFor before = place.waitsFor;
        place.waitsFor = next;
        return before;
    }

    /** Notes that a record waits for something without a worker, until {@link #goesOn}. */
    public void waits(RecordTask task, WaitsFor waitsFor, long begun) {
        waiting.put(task, new Waiting(waitsFor, begun));
    }

    /** Notes that {@link #waits} is over. */
    public void goesOn(RecordTask task) {
        waiting.remove(task);
    }

    /** What to say of the records of a partition whose method has returned; empty if there are none. */
    public String describeAwaited(RecordOrigin partition) {
        List<Long> offsets = now().stream()
                .filter(one -> one.partition() == partition)
                .filter(one -> one.waitsFor() == WaitsFor.ACKNOWLEDGMENT || one.waitsFor() == WaitsFor.RESULT)
                .map(one -> one.record().offset())
                .sorted()
                .toList();
        return offsets.isEmpty()
                ? ""
                : "; of " + offsets.size()
                        + " of them the method has returned, but they were not acknowledged, or their"
                        + " results have not come, the first at offset " + offsets.get(0);
    }

    /** The records that are being handled now. */
    public List<Running> now() {
        List<Running> now = new ArrayList<>();
        for (Place place : places) {
            Running running = place.running();
            if (running != null) {
                now.add(running);
            }
        }
        waiting.forEach(
                (task, what) -> now.add(new Running(task.record, task.partition, what.begun(), what.waitsFor(), null)));
        return now;
    }
}
