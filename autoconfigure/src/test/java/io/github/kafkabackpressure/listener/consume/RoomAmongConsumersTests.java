package io.github.kafkabackpressure.listener.consume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.listener.TestOptions;
import io.github.kafkabackpressure.listener.TestRun;
import io.github.kafkabackpressure.listener.task.ListenerRun;
import io.github.kafkabackpressure.listener.task.RecordOrigin;
import io.github.kafkabackpressure.work.WorkerPool;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.TimestampType;
import org.junit.jupiter.api.Test;
import org.springframework.util.unit.DataSize;

/** Two consumers of a listener with room for 100 records, each of which polls up to 40. */
class RoomAmongConsumersTests {

    private static final int POLL = 40;

    private final TestRun started = new TestRun(
            TestOptions.of(Ordering.UNORDERED, 100, 0.5, DataSize.ofBytes(1000), null),
            POLL,
            task -> {},
            listenerRun -> (task, begun) -> WorkerPool.Result.OVER,
            () -> 0);

    private final ListenerRun run = started.run;

    private final Member first = new Member(0);

    private final Member second = new Member(1);

    /** A consumer with a partition. */
    private final class Member {

        private final TopicPartition partition;

        private boolean refusesToPause;

        private final MockConsumer<String, String> kafka = new MockConsumer<>("earliest") {
            @Override
            public synchronized void pause(Collection<TopicPartition> partitions) {
                if (refusesToPause) {
                    throw new IllegalStateException("no such partition");
                }
                super.pause(partitions);
            }
        };

        private final Assignment assignment = new Assignment(started.side, kafka, () -> {});

        private final PauseControl pauses = new PauseControl(assignment, kafka);

        Member(int partition) {
            this.partition = new TopicPartition("topic", partition);
            kafka.assign(List.of(this.partition));
            kafka.updateBeginningOffsets(Map.of(this.partition, 0L));
            kafka.seek(this.partition, 0);
        }

        Member assigned() {
            pauses.assigned(assignment.assigned(List.of(partition)));
            return this;
        }

        /** Whether it may poll after a tick. */
        boolean polls() {
            pauses.tick(0);
            assignment.settled();
            assertThat(kafka.paused().isEmpty()).isEqualTo(assignment.room.reserved && !isPaused());
            return kafka.paused().isEmpty() && assignment.room.reserved;
        }

        private boolean isPaused() {
            return assignment.work(partition) != null && assignment.work(partition).paused;
        }

        /** Ends a poll that brought as many records as it could. */
        void polled() {
            assertThat(assignment.room.reserved).isTrue();
            run.limit.settle(POLL, POLL);
            assignment.room.reserved = false;
        }
    }

    private void inFlight(int records) {
        run.limit.settle(0, records - (int) run.limit.inFlight());
    }

    @Test
    void aConsumerThatGoesOnDoesNotKeepTheLevelUpForOneThatWaits() {
        first.assigned();
        second.assigned();
        first.polled();
        second.polled();
        assertThat(first.polls()).as("80 in flight").isFalse();

        inFlight(60);
        assertThat(second.polls())
                .as("there is room for one poll, which the other waits for")
                .isFalse();
        inFlight(50);
        assertThat(second.polls()).as("the other waits longer").isFalse();
        assertThat(first.polls()).isTrue();
        first.polled();
        assertThat(first.polls()).as("now it is the other's turn").isFalse();
        inFlight(50);
        assertThat(first.polls()).isFalse();
        assertThat(second.polls()).isTrue();
    }

    @Test
    void whereThereIsRoomForAllNobodyHasToWaitForWhoIsLate() {
        first.assigned();
        second.assigned();
        first.polled();
        second.polled();
        assertThat(first.polls()).isFalse();

        inFlight(20);
        assertThat(second.polls()).isTrue();
        assertThat(first.polls()).isTrue();
    }

    /** Brings the bytes in flight to a number. */
    private void bytesInFlight(int bytes) {
        RecordOrigin origin = new RecordOrigin(first.partition, first.assignment.link);
        int more = bytes - (int) run.room.bytes.inFlight();
        ConsumerRecord<String, String> record = new ConsumerRecord<>(
                "topic",
                0,
                0,
                0,
                TimestampType.CREATE_TIME,
                0,
                Math.abs(more),
                "",
                "",
                new RecordHeaders(),
                Optional.empty());
        if (more > 0) {
            run.room.bytes.add(origin, record);
        } else {
            run.room.bytes.remove(origin, record);
        }
    }

    @Test
    void bytesPauseAllConsumersUntilTheLowWatermark() {
        first.assigned();
        second.assigned();
        bytesInFlight(1000);
        assertThat(first.polls()).isFalse();
        bytesInFlight(700);
        assertThat(second.polls()).as("it would keep the level up").isFalse();
        bytesInFlight(500);
        assertThat(first.polls()).isTrue();
        assertThat(second.polls()).isTrue();
        bytesInFlight(700);
        assertThat(first.polls()).isTrue();
    }

    @Test
    void aConsumerWithoutPartitionsHoldsNoRoom() {
        first.pauses.tick(0);
        assertThat(run.limit.tryReserve(100)).isTrue();

        first.assigned();
        assertThat(first.isPaused())
                .as("the poll that brought it goes on to fetch")
                .isTrue();
        run.limit.settle(100, 0);
        assertThat(first.polls()).isTrue();

        first.pauses.removed(List.of(first.assignment.work(first.partition)));
        first.assignment.remove(List.of(first.assignment.work(first.partition)));
        first.kafka.resume(first.kafka.paused());
        first.pauses.tick(0);
        assertThat(run.limit.tryReserve(100)).isTrue();
    }

    @Test
    void aConsumerWhosePartitionsTheUserHasPausedHoldsNoRoom() {
        first.assigned();
        assertThat(first.polls()).isTrue();
        first.pauses.setPausedByUser(List.of(first.partition), true);
        first.pauses.tick(0);
        assertThat(run.limit.tryReserve(100)).isTrue();

        first.pauses.setPausedByUser(List.of(first.partition), false);
        assertThat(first.isPaused()).as("there is no room").isTrue();
        run.limit.settle(100, 0);
        assertThat(first.polls()).isTrue();
    }

    @Test
    void whoNoLongerWaitsLetsTheNextOneGo() {
        first.assigned();
        second.assigned();
        first.polled();
        second.polled();
        assertThat(first.polls()).isFalse();
        assertThat(second.polls()).isFalse();
        inFlight(50);
        assertThat(second.polls()).isFalse();

        first.assignment.close();
        assertThat(second.polls()).isTrue();
    }

    @Test
    void aPauseThatKafkasConsumerRefusesIsTriedAgain() {
        first.assigned();
        assertThat(first.polls()).isTrue();
        first.polled();
        inFlight(90);
        first.refusesToPause = true;
        assertThatIllegalStateException().isThrownBy(() -> first.pauses.tick(0));

        first.refusesToPause = false;
        assertThat(first.polls()).isFalse();
        assertThat(first.kafka.paused()).containsExactly(first.partition);
    }
}
