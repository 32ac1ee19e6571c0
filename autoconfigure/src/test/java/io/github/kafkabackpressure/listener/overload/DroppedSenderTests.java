package io.github.kafkabackpressure.listener.overload;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.DropReason;
import io.github.kafkabackpressure.listener.task.RecordOrigin;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The writing of dropped records, with threads and the time moved by hand. */
class DroppedSenderTests implements DroppedSender.Outcome, DroppedSender.Target {

    private final RecordOrigin partition = new RecordOrigin(new TopicPartition("topic", 0), null);

    private final Queue<Runnable> threads = new ArrayDeque<>();

    private final Queue<Runnable> timers = new ArrayDeque<>();

    private final List<Long> sent = new ArrayList<>();

    private final List<Long> notSent = new ArrayList<>();

    private final Map<Long, CompletableFuture<Object>> writes = new LinkedHashMap<>();

    private final List<Long> attempts = new ArrayList<>();

    private int wakes;

    /** What a write does before it is on its way. */
    private Runnable onWrite = () -> {};

    private Executor executor = threads::add;

    private Executor later = timers::add;

    private final DroppedSender sender =
            new DroppedSender(this, this, task -> executor.execute(task), "dropped", task -> later.execute(task));

    @Override
    public CompletionStage<?> write(QueuedRecord record, DropReason reason) {
        attempts.add(record.record().offset());
        onWrite.run();
        CompletableFuture<Object> write = new CompletableFuture<>();
        writes.put(record.record().offset(), write);
        return write;
    }

    @Override
    public void sent(QueuedRecord record, DropReason reason) {
        sent.add(record.record().offset());
    }

    @Override
    public void notSent(QueuedRecord record) {
        notSent.add(record.record().offset());
    }

    @Override
    public void wakeConsumers() {
        wakes++;
    }

    private void send(long offset) {
        ConsumerRecord<String, String> record = new ConsumerRecord<>("topic", 0, offset, "key", "value");
        run(List.of(
                () -> sender.send(new QueuedRecord(record, partition, offset, 0, null, 5), DropReason.MAX_IN_FLIGHT)));
    }

    private void run(Queue<Runnable> due) {
        List<Runnable> now = List.copyOf(due);
        due.clear();
        run(now);
    }

    /** What comes out fails the test, where JUnit would end with an {@code OutOfMemoryError}. */
    private static void run(List<Runnable> tasks) {
        try {
            tasks.forEach(Runnable::run);
        } catch (RuntimeException | Error e) {
            throw new AssertionError("nothing is to be thrown", e);
        }
    }

    private void thrownOnce(Throwable thrown) {
        onWrite = () -> {
            onWrite = () -> {};
            if (thrown instanceof Error error) {
                throw error;
            }
            throw (RuntimeException) thrown;
        };
    }

    static Stream<Throwable> failures() {
        return Stream.of(
                new KafkaException("closed"),
                new NoSuchMethodError("of an interceptor"),
                new StackOverflowError(),
                new OutOfMemoryError("unable to create native thread"));
    }

    @ParameterizedTest
    @MethodSource("failures")
    void whateverAWriteThrowsItIsTriedAgainAndOthersFollow(Throwable thrown) {
        thrownOnce(thrown);
        send(1);
        send(2);
        run(threads);
        assertThat(sender.isFailing()).isTrue();
        assertThat(attempts).containsExactly(1L);

        run(timers);
        run(threads);
        writes.values().forEach(write -> write.complete(null));

        assertThat(sent).containsExactly(1L, 2L);
        assertThat(sender.isFailing()).isFalse();
        assertThat(wakes).isEqualTo(1);
        assertThat(timers).isEmpty();
    }

    static Stream<Supplier<Throwable>> refusals() {
        return Stream.of(
                () -> new RejectedExecutionException("full"),
                () -> new IllegalStateException("of a pool of the user's"),
                () -> new OutOfMemoryError("unable to create native thread"));
    }

    /** At the start, and when the time for another attempt has come. */
    @ParameterizedTest
    @MethodSource("refusals")
    void whereThereIsNoThreadItIsTriedAgainWithoutAnotherRecord(Supplier<Throwable> refusal) {
        executor = task -> {
            if (refusal.get() instanceof Error error) {
                throw error;
            }
            throw (RuntimeException) refusal.get();
        };
        send(1);
        run(timers);
        run(timers);
        assertThat(attempts).isEmpty();
        assertThat(timers).hasSize(1);

        executor = threads::add;
        run(timers);
        run(threads);
        writes.get(1L).complete(null);
        assertThat(sent).containsExactly(1L);
        assertThat(sender.isFailing()).isFalse();
    }

    @Test
    void aTimeThatComesWhileAnotherRecordIsBeingWrittenIsNotLost() {
        send(1);
        run(threads);
        onWrite = () -> {
            onWrite = () -> {};
            writes.remove(1L).completeExceptionally(new KafkaException("timed out"));
            run(timers);
        };
        send(2);
        run(threads);
        run(threads);

        assertThat(attempts).containsExactly(1L, 2L, 1L);
        writes.values().forEach(write -> write.complete(null));
        assertThat(sent).containsExactlyInAnyOrder(1L, 2L);
    }

    /** As if it took the thread long to go on after that. */
    @Test
    void aTimeThatComesBeforeTheThreadHasEndedThatFailedIsNotLost() {
        later = task -> {
            later = timers::add;
            task.run();
        };
        thrownOnce(new KafkaException("closed"));
        send(1);
        run(threads);
        run(threads);

        assertThat(attempts).containsExactly(1L, 1L);
    }

    @Test
    void afterAFailureNothingIsWrittenBeforeItIsTime() {
        send(1);
        run(threads);
        onWrite = () -> {
            onWrite = () -> {};
            writes.remove(1L).completeExceptionally(new KafkaException("timed out"));
        };
        send(2);
        send(3);
        run(threads);
        run(threads);
        assertThat(attempts).containsExactly(1L, 2L);
        assertThat(timers).hasSize(1);

        run(timers);
        run(threads);
        assertThat(attempts).containsExactly(1L, 2L, 1L, 3L);
    }

    @Test
    void oneTimeIsSetForAllThatFailTogether() {
        for (int offset = 0; offset < 10; offset++) {
            send(offset);
        }
        run(threads);
        List.copyOf(writes.values()).forEach(write -> write.completeExceptionally(new KafkaException("timed out")));

        assertThat(timers).hasSize(1);
        run(timers);
        run(threads);
        assertThat(attempts).hasSize(20);
    }

    @Test
    void aListenerWithNothingLeftToWriteIsNotHeldUpByWhatCouldNotBeWritten() {
        thrownOnce(new KafkaException("closed"));
        send(1);
        run(threads);
        assertThat(sender.isFailing()).isTrue();

        sender.forget(partition);

        assertThat(notSent).containsExactly(1L);
        assertThat(sender.isFailing()).isFalse();
        assertThat(wakes).isEqualTo(1);
    }

    @Test
    void whatIsInHandWhenAListenerStopsIsGivenUpAndNoTimeIsSetAnyMore() {
        onWrite = () -> {
            partition.inFlight.close();
            sender.forget(partition);
            throw new KafkaException("closed");
        };
        send(1);
        run(threads);
        executor = task -> {
            throw new RejectedExecutionException("shut down");
        };
        run(timers);

        assertThat(notSent).containsExactly(1L);
        assertThat(timers).isEmpty();
        assertThat(sender.isFailing()).isFalse();
    }
}
