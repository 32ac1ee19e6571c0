package io.github.kafkabackpressure.listener.consume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.listener.SteppedKafka;
import io.github.kafkabackpressure.listener.SteppedListener;
import java.time.Duration;
import java.util.AbstractList;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A partition leaves while a record of a slice runs, and something about that record throws. */
class LeavingSlicesTests implements SteppedListener.Observer {

    private static final TopicPartition PARTITION = new TopicPartition("topic", 0);

    private static final int WARM_UP = 400;

    private final SteppedKafka kafka = new SteppedKafka(100, List.of(PARTITION));

    private final List<Long> begun = new ArrayList<>();

    private SteppedListener listener;

    /** What happens while the fourth record after the first ones runs. */
    private Runnable meanwhile = () -> {};

    /** Ways for the loop to let a partition go. */
    enum Way {
        REVOKE,
        LOSE,
        UNSUBSCRIBE,
        CLOSE
    }

    private static final class Key {

        private final long id;

        private boolean broken;

        private Key(long id) {
            this.id = id;
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Key key && key.id == id;
        }

        @Override
        public int hashCode() {
            if (broken) {
                throw new AssertionError("the handler has broken the key");
            }
            return Long.hashCode(id);
        }
    }

    @Override
    public void started(ConsumerRecord<?, ?> record) {
        begun.add(record.offset());
        if (record.key() instanceof Key key) {
            key.broken = true;
        }
        if (record.offset() == WARM_UP + 3) {
            meanwhile.run();
        }
    }

    @Override
    public void finished(ConsumerRecord<?, ?> record, boolean counts) {}

    @BeforeEach
    void start() {
        listener = new SteppedListener(kafka, SteppedListener.options(Ordering.KEY, 1000, 0.5, 4), 100, true, this);
        kafka.rebalance(List.of(PARTITION));
        listener.poll();
        for (long offset = 0; offset < WARM_UP; offset++) {
            kafka.append(PARTITION, offset, "key");
        }
        listener.isQuick = true;
        for (int polls = 0; polls * 100 < WARM_UP; polls++) {
            listener.poll();
            listener.runWorkers();
        }
        listener.poll();
        assertThat(listener.run.workers.isComputing()).isTrue();
        begun.clear();
    }

    private void leave(Way way) {
        listener.isQuick = false; // the drain has to come to its deadline
        switch (way) {
            case REVOKE -> kafka.rebalance(List.of());
            case LOSE -> kafka.lose(List.of());
            case UNSUBSCRIBE -> listener.consumer.unsubscribe();
            case CLOSE -> listener.consumer.close();
        }
    }

    private void assertLeft(Way way, PartitionWork work) {
        assertThat(begun)
                .containsExactlyElementsOf(
                        LongStream.range(WARM_UP, WARM_UP + 4).boxed().toList());
        assertThat(listener.consumer.work().work(PARTITION)).isNull();
        assertThat(work.gone).isTrue();
        assertThat(listener.run.partitions).hasValue(0);
        assertThat(listener.run.limit.inFlight()).isZero();
        if (way != Way.CLOSE) {
            listener.consumer.close();
        }
        assertThat(kafka.closed()).isTrue();
        assertThat(listener.run.room.consumers()).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void aKeyThatItsHandlerHasBrokenHoldsUpNoLeave(Way way) {
        PartitionWork work = listener.consumer.work().work(PARTITION);
        for (long offset = WARM_UP; offset < WARM_UP + 10; offset++) {
            kafka.append(PARTITION, offset, new Key(offset % 3));
        }
        List<Throwable> thrown = new ArrayList<>();
        meanwhile = () -> thrown.add(catchThrowable(() -> leave(way)));
        listener.poll();
        listener.runWorkers();

        assertThat(thrown).containsExactly((Throwable) null);
        assertLeft(way, work);
    }

    /** In place of any memory that breaking up a slice needs. */
    @ParameterizedTest
    @EnumSource
    void thoughASliceCannotBeBrokenUpItsPartitionIsLeftAndNoneOfItsRecordsBegins(Way way) {
        PartitionWork work = listener.consumer.work().work(PARTITION);
        boolean[] exhausted = new boolean[1];
        meanwhile = () -> {
            exhausted[0] = true;
            Throwable thrown = catchThrowable(() -> leave(way));
            exhausted[0] = false;
            assertThat(thrown == null).isEqualTo(way == Way.UNSUBSCRIBE || way == Way.CLOSE);
        };
        List<ConsumerRecord<Object, String>> records = new AbstractList<>() {
            @Override
            public ConsumerRecord<Object, String> get(int index) {
                if (exhausted[0]) {
                    throw new AssertionError("exhausted");
                }
                return new ConsumerRecord<>(PARTITION.topic(), PARTITION.partition(), WARM_UP + index, "key", "value");
            }

            @Override
            public int size() {
                return 10;
            }
        };
        listener.consumer.poll(Duration.ZERO);
        listener.consumer.dispatch(new ConsumerRecords<>(Map.of(PARTITION, records), Map.of()));
        listener.runWorkers();

        assertLeft(way, work);
    }

    /** As by a key that even throws when the records that a poll brought are handed over. */
    @Test
    void aKeyThatNobodyCanHashIsHandledAsAnyOther() {
        for (long offset = WARM_UP; offset < WARM_UP + 10; offset++) {
            Key key = new Key(offset);
            key.broken = true;
            kafka.append(PARTITION, offset, key);
        }
        meanwhile = () -> leave(Way.REVOKE);
        PartitionWork work = listener.consumer.work().work(PARTITION);
        listener.poll();
        listener.runWorkers();
        assertLeft(Way.REVOKE, work);
    }
}
