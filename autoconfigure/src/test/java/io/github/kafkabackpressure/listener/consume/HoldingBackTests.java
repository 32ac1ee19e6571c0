package io.github.kafkabackpressure.listener.consume;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class HoldingBackTests {

    private static final TopicPartition FIRST = new TopicPartition("topic", 0);

    private static final TopicPartition SECOND = new TopicPartition("topic", 1);

    private final MockConsumer<String, String> kafka = new MockConsumer<>("earliest");

    private final HoldingBack<String, String> consumer = new HoldingBack<>(kafka);

    private final AtomicInteger allowed = new AtomicInteger(100);

    @BeforeEach
    void twoPartitionsOfTenRecords() {
        consumer.assign(List.of(FIRST, SECOND));
        kafka.updateBeginningOffsets(Map.of(FIRST, 0L, SECOND, 0L));
        kafka.updateEndOffsets(Map.of(FIRST, 10L, SECOND, 10L));
        consumer.allow(allowed::get);
        for (int offset = 0; offset < 10; offset++) {
            kafka.addRecord(new ConsumerRecord<>("topic", 0, offset, "", ""));
            kafka.addRecord(new ConsumerRecord<>("topic", 1, offset, "", ""));
        }
    }

    private ConsumerRecords<String, String> poll() {
        return consumer.poll(Duration.ZERO);
    }

    @Test
    void aPollBringsNoMoreThanIsAllowedWhenItIsOverAndTheNextOnesGoOnInOrder() {
        allowed.set(3);
        List<Long> first = new ArrayList<>();
        List<Long> second = new ArrayList<>();
        for (int poll = 0; poll < 7; poll++) {
            ConsumerRecords<String, String> records = poll();
            assertThat(records.count()).isLessThanOrEqualTo(3);
            records.records(FIRST).forEach(record -> first.add(record.offset()));
            records.records(SECOND).forEach(record -> second.add(record.offset()));
            records.nextOffsets()
                    .forEach((partition, next) ->
                            assertThat(consumer.position(partition)).isEqualTo(next.offset()));
        }

        assertThat(first).containsExactly(0L, 1L, 2L, 3L, 4L, 5L, 6L, 7L, 8L, 9L);
        assertThat(second).containsExactly(0L, 1L, 2L, 3L, 4L, 5L, 6L, 7L, 8L, 9L);
        assertThat(poll().count()).isZero();
    }

    @Test
    void whatIsHeldBackHasStillToCome() {
        allowed.set(3);
        for (int left = 17; left >= 0; left -= Math.min(3, Math.max(1, left))) {
            poll();
            assertThat(consumer.currentLag(FIRST).orElseThrow()
                            + consumer.currentLag(SECOND).orElseThrow())
                    .isEqualTo(left);
        }
    }

    @Test
    void whatIsHeldBackOfAPausedPartitionWaitsUntilItIsResumed() {
        allowed.set(4);
        consumer.pause(List.of(SECOND));
        assertThat(poll().count()).isEqualTo(4);
        consumer.pause(List.of(FIRST));
        consumer.resume(List.of(SECOND));
        assertThat(poll().partitions()).containsExactly(SECOND);
        consumer.pause(List.of(SECOND));
        consumer.resume(List.of(FIRST));

        assertThat(poll().records(FIRST)).extracting(ConsumerRecord::offset).containsExactly(4L, 5L, 6L, 7L);
    }

    @Test
    void whatIsHeldBackIsForgottenByASeek() {
        allowed.set(2);
        poll();
        consumer.seek(FIRST, 10);
        consumer.seek(SECOND, 10);

        assertThat(poll().count()).isZero();
        assertThat(consumer.position(FIRST)).isEqualTo(10);
    }

    @Test
    void nothingIsHeldBackWhereEverythingIsAllowed() {
        assertThat(poll().count()).isEqualTo(20);
    }

    @Test
    void nothingComesWhileNothingIsAllowedAndNothingIsLostByThat() {
        allowed.set(0);
        assertThat(poll().count()).isZero();
        allowed.set(100);

        assertThat(poll().count()).isEqualTo(20);
    }
}
