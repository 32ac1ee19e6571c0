package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.RecordOutcome;
import io.github.kafkabackpressure.listener.consume.BackpressuredConsumer;
import io.github.kafkabackpressure.listener.consume.CommitContent;
import io.github.kafkabackpressure.listener.consume.GroupFacts;
import io.github.kafkabackpressure.listener.consume.RememberingCommits;
import io.github.kafkabackpressure.listener.handle.Invoker;
import io.github.kafkabackpressure.listener.handle.RecordAcknowledgment.Signal;
import io.github.kafkabackpressure.listener.overload.Overload;
import io.github.kafkabackpressure.listener.task.ListenerRun;
import io.github.kafkabackpressure.listener.task.RecordOrigin;
import io.github.kafkabackpressure.listener.task.RecordTask;
import io.github.kafkabackpressure.work.Slot;
import io.github.kafkabackpressure.work.WorkerPool;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * A listener on one thread, each step of which the test takes by hand: what the consumer's thread does, what its workers
 * do, and the time. A record that a worker has started runs until {@link #finish}; in slices it is over at once.
 *
 * <p>Threading: the test's thread.
 */
public final class SteppedListener implements Invoker, Invoker.OfSlices {

    /** A record that has been started and not finished. */
    public record Running(RecordTask task, long begun, Slot slot) {}

    /** What hears of a record's start and end. */
    public interface Observer {

        void started(ConsumerRecord<?, ?> record);

        void finished(ConsumerRecord<?, ?> record, boolean counts);
    }

    private static final String TOPIC = "topic";

    /** So short that a drain that waits for what nobody finishes takes no time of the test's. */
    private static final Duration MAX_POLL_INTERVAL = Duration.ofNanos(2_000);

    public final SteppedKafka kafka;

    final ContainerRun container;

    public final ListenerRun run;

    public final BackpressuredConsumer<Object, String> consumer;

    public final ListenerStats stats = new ListenerStats(ListenerMetrics.NOOP);

    /** What runs now, in the order in which it was started. */
    public final List<Running> running = new ArrayList<>();

    private final Queue<Runnable> threads = new ConcurrentLinkedQueue<>(); // timers may add to it

    private final boolean slices;

    private final Observer observer;

    /** Whether looks at the clock and records take no time, as where handlers only compute. */
    public boolean isQuick;

    private final AtomicLong now = new AtomicLong(TimeUnit.DAYS.toNanos(1));

    public SteppedListener(
            SteppedKafka kafka, ListenerOptions options, int pollSize, boolean slices, Observer observer) {
        this(kafka, options, pollSize, slices, observer, GroupFacts.DEFAULT_MAX_METADATA);
    }

    public SteppedListener(
            SteppedKafka kafka,
            ListenerOptions options,
            int pollSize,
            boolean slices,
            Observer observer,
            int maxMetadata) {
        this.kafka = kafka;
        this.slices = slices;
        this.observer = observer;
        this.container = new ContainerRun(
                options,
                pollSize,
                threads::add,
                listenerRun -> this,
                stats,
                this::nanoTime,
                LoadSigns.none(),
                started -> overload(started.run, options.overload()));
        this.run = container.run;
        CommitContent content = options.rememberProgress()
                ? new RememberingCommits(run, OffsetAndMetadata::new, GroupFacts.of(maxMetadata))
                : CommitContent.plain(OffsetAndMetadata::new);
        this.consumer = consumer(kafka, content);
    }

    /** One more consumer, whose partitions are those of its own Kafka. */
    public BackpressuredConsumer<Object, String> addConsumer(SteppedKafka others) {
        return consumer(others, CommitContent.plain(OffsetAndMetadata::new));
    }

    private BackpressuredConsumer<Object, String> consumer(SteppedKafka of, CommitContent content) {
        BackpressuredConsumer<Object, String> made =
                new BackpressuredConsumer<>(of, container.side, true, false, MAX_POLL_INTERVAL, content);
        made.subscribe(List.of(TOPIC), new org.apache.kafka.clients.consumer.ConsumerRebalanceListener() {
            @Override
            public void onPartitionsRevoked(Collection<TopicPartition> partitions) {}

            @Override
            public void onPartitionsAssigned(Collection<TopicPartition> partitions) {}
        });
        return made;
    }

    private @Nullable Overload overload(ListenerRun listenerRun, OverloadOptions options) {
        return options.isOn()
                ? new Overload(
                        listenerRun,
                        ContainerOverload.settings(options),
                        new RecordRates(options, "stepped", null, this::nanoTime),
                        new DropCounts(options, ListenerMetrics.NOOP)::count,
                        null,
                        threads::add)
                : null;
    }

    /** Whether there are polled records for which there was no place in the room yet. */
    public boolean hasUnsorted() {
        return container.side.overload.hasUnsorted();
    }

    /** Gives the run other limits while it goes. */
    public void change(ListenerOptions options, int pollSize) {
        run.change(options.ofRun(), pollSize);
    }

    /** Each look at the clock takes a microsecond: whatever waits for a deadline comes to it. */
    private long nanoTime() {
        return now.addAndGet(isQuick ? 0 : 1_000);
    }

    /** The time, which this look does not move. */
    public long now() {
        return now.get();
    }

    public void advance(Duration time) {
        now.addAndGet(time.toNanos());
    }

    /** One turn of the loop: a tick, a poll, and the hand-over of what it brought. */
    public void poll() {
        consumer.dispatch(consumer.poll(Duration.ZERO));
    }

    /** Lets the workers take what is ready, as far as there are slots. */
    public void runWorkers() {
        for (Runnable thread = threads.poll(); thread != null; thread = threads.poll()) {
            thread.run();
        }
    }

    @Override
    public WorkerPool.Result invoke(RecordTask task, long begun) {
        observer.started(task.record);
        if (isQuick) {
            observer.finished(task.record, true);
            run.flight.finished(task, RecordOutcome.HANDLED, begun);
            return WorkerPool.Result.OVER;
        }
        running.add(new Running(task, begun, run.workers.detachSlot()));
        return WorkerPool.Result.HOLDS_LANE;
    }

    /** Ends the handling of a running record. */
    public void finish(Running record) {
        end(record, true);
    }

    /** Ends the handling of a record without a result, as where its partition is gone. */
    public void abandon(Running record) {
        end(record, false);
    }

    private void end(Running ended, boolean handled) {
        running.remove(ended);
        observer.finished(ended.task().record, handled);
        if (handled) {
            run.flight.finished(ended.task(), RecordOutcome.HANDLED, ended.begun());
        } else {
            run.flight.abandoned(ended.task(), ended.begun());
        }
        run.workers.resumeLane(ended.task(), ended.slot());
    }

    @Override
    public @Nullable OfSlices ofSlices() {
        return slices ? this : null;
    }

    @Override
    public Signal.@Nullable Failed attempt(RecordOrigin partition, ConsumerRecord<?, ?> record) {
        observer.started(record);
        observer.finished(record, true);
        return null;
    }

    @Override
    public WorkerPool.Result conclude(RecordTask task, long begun, @Nullable Signal firstSignal) {
        throw new IllegalStateException("no attempt fails here");
    }

    public static ListenerOptions options(Ordering ordering, int maxInFlight, double resumeAt, int workers) {
        return TestOptions.of(ordering, maxInFlight, resumeAt, null, workers);
    }
}
