package io.github.kafkabackpressure.listener.consume;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.listener.TestOptions;
import io.github.kafkabackpressure.listener.TestRun;
import io.github.kafkabackpressure.listener.task.ListenerRun;
import io.github.kafkabackpressure.work.WorkerPool;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

/** Two consumers of a listener that share ten rooms, four for each poll. */
class AssignmentTests {

    private static final TopicPartition PARTITION = new TopicPartition("topic", 0);

    private final TestRun started = new TestRun(
            TestOptions.of(Ordering.PARTITION, 10, 1.0),
            4,
            task -> {},
            listenerRun -> (task, begun) -> WorkerPool.Result.OVER,
            () -> 0L);

    private final ListenerRun run = started.run;

    private final AtomicInteger wakeups = new AtomicInteger();

    private final Assignment polling = new Assignment(started.side, null, () -> {});

    private final Assignment waiting = new Assignment(started.side, null, wakeups::incrementAndGet);

    private static ConsumerRecords<String, String> records(int count) {
        List<ConsumerRecord<String, String>> records = IntStream.range(0, count)
                .mapToObj(offset -> new ConsumerRecord<>("topic", 0, offset, "key", "value"))
                .toList();
        return new ConsumerRecords<>(Map.of(PARTITION, records), Map.of());
    }

    /** Five of ten rooms are taken, four reserved: there is none for a poll of the other consumer, which waits. */
    private void oneReservesWhatTheOtherWaitsFor() {
        run.limit.tryReserve(5);
        run.limit.settle(5, 5);
        polling.assigned(List.of(PARTITION));
        polling.room.reserved = run.limit.tryReserve(4);
        polling.room.reservedSize = 4;
        waiting.link.waitsForRoom = true;
        run.limit.startWaiting(waiting);
        waiting.link.gate.beginTick();
        waiting.link.gate.enterPoll();
        assertThat(run.limit.hasRoomFor(4)).isFalse();
    }

    @Test
    void roomThatAPollDidNotNeedWakesWhoWaitsForIt() {
        oneReservesWhatTheOtherWaitsFor();

        polling.dispatch(records(1));

        assertThat(run.limit.hasRoomFor(4)).isTrue();
        assertThat(wakeups).hasValue(1);
    }

    @Test
    void aPollThatNeedsItsRoomWakesNobody() {
        oneReservesWhatTheOtherWaitsFor();

        polling.dispatch(records(4));

        assertThat(wakeups).hasValue(0);
        assertThat(run.limit.inFlight()).isEqualTo(9);
    }

    @Test
    void theEndOfAConsumerWakesWhoWaitsForItsRoom() {
        oneReservesWhatTheOtherWaitsFor();

        polling.close();

        assertThat(wakeups).hasValue(1);
    }
}
