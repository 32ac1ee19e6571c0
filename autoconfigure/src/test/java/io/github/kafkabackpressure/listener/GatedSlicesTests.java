package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.Ordering;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Slices that wait for their tokens, stepped by hand. */
class GatedSlicesTests {

    private static final TopicPartition PARTITION = new TopicPartition("topic", 0);

    private static final int POLL = 50;

    private static final int BURST = 500;

    private final SteppedKafka kafka = new SteppedKafka(POLL, List.of(PARTITION));

    private final List<Long> handled = new ArrayList<>();

    private SteppedListener listener;

    private int end;

    /** The pool learns that handling takes no time, and all tokens are used up. */
    private void start(Ordering ordering) {
        listener = new SteppedListener(
                kafka,
                TestOptions.of(
                        ordering,
                        1000,
                        0.5,
                        null,
                        2,
                        Map.of("rate-limit.rate", RecordRates.QUICK_RATE, "rate-limit.burst", BURST)),
                POLL,
                true,
                new SteppedListener.Observer() {
                    @Override
                    public void started(ConsumerRecord<?, ?> record) {}

                    @Override
                    public void finished(ConsumerRecord<?, ?> record, boolean counts) {
                        handled.add(record.offset());
                    }
                });
        listener.isQuick = true;
        kafka.rebalance(List.of(PARTITION));
        append(BURST);
        while (handled.size() < BURST) {
            turn();
        }
        turn();
        assertThat(listener.run.workers.isComputing()).isTrue();
        assertThat(listener.run.limit.inFlight()).isZero();
        handled.clear();
    }

    private void append(int count) {
        for (int last = end + count; end < last; end++) {
            kafka.append(PARTITION, end, "key " + end % 5);
        }
    }

    /** As spring-kafka's loop does, which hands nothing over where a poll has brought nothing. */
    private void turn() {
        ConsumerRecords<Object, String> polled = listener.consumer.poll(Duration.ZERO);
        if (!polled.isEmpty()) {
            listener.consumer.dispatch(polled);
        }
        listener.runWorkers();
    }

    private boolean isWaitedAt() {
        return listener.container.side.overload.slices.isWaitedAt();
    }

    private RecordRates rates() {
        return (RecordRates) listener.container.side.overload.rates();
    }

    private void setRate(long rate) {
        RateLimitOptions slow = TestOptions.of(Ordering.PARTITION, 1000, 0.5, null, 2, Map.of("rate-limit.rate", rate))
                .overload()
                .rateLimit();
        rates().change(rates().options().withLimitOf(slow));
    }

    @ParameterizedTest
    @EnumSource
    void underARateThatIsNoLongerQuickRecordsTakeTheirTokensOneByOne(Ordering ordering) {
        start(ordering);
        append(POLL);
        turn();
        assertThat(isWaitedAt()).isTrue();

        setRate(1);
        turn();
        for (int second = 1; second <= 3; second++) {
            listener.advance(Duration.ofSeconds(1));
            listener.container.side.overload.room().releaseDue(listener.now());
            listener.container.side.overload.submitTickets();
            turn();

            assertThat(handled).hasSize(second);
        }
    }

    @ParameterizedTest
    @EnumSource
    void theTokensThatASliceHasTakenAreItsFirstRecordsWhenItIsBrokenUp(Ordering ordering) {
        start(ordering);
        append(POLL);
        turn();
        listener.advance(Duration.ofNanos(20 * 1_000_000_000L / RecordRates.QUICK_RATE));
        setRate(RecordRates.QUICK_RATE); // has the gate look
        assertThat(handled).isEmpty();

        setRate(1);
        turn();
        turn();

        assertThat(handled)
                .containsExactlyElementsOf(
                        LongStream.range(BURST, BURST + 20).boxed().toList());
        assertThat(listener.run.limit.inFlight()).isEqualTo(30);
    }

    @ParameterizedTest
    @CsvSource({"1, 1, true", "2, 1, false", "2, 2, true"})
    void aRateIsQuickByTheRecordsThatItLetsBegin(int cost, int timesTheRate, boolean quick) {
        long rate = timesTheRate * RecordRates.QUICK_RATE;
        ListenerOptions options = TestOptions.of(
                Ordering.PARTITION, 1000, 0.5, null, 2, Map.of("rate-limit.rate", rate, "rate-limit.cost", cost));
        RecordRates rates = new RecordRates(options.overload(), "test", null, () -> 0);

        assertThat(rates.groupOfSlices(PARTITION) != null).isEqualTo(quick);
    }

    /** Another slice waits behind it by then, which must not wait for the one that has left. */
    @ParameterizedTest
    @EnumSource
    void aSliceThatWaitsLeavesWithItsPartitionAndComesAgain(Ordering ordering) {
        start(ordering);
        append(2 * POLL);
        turn();
        turn();
        assertThat(isWaitedAt()).isTrue();
        assertThat(listener.run.limit.inFlight()).isEqualTo(2 * POLL);

        kafka.rebalance(List.of());
        turn();
        assertThat(listener.run.limit.inFlight()).isZero();
        assertThat(kafka.groupOffset(PARTITION)).isEqualTo(BURST);

        kafka.rebalance(List.of(PARTITION));
        turn();
        turn();
        listener.advance(Duration.ofSeconds(1));
        for (int round = 0; round < 4; round++) {
            setRate(RecordRates.QUICK_RATE); // has the gate look
            turn();
        }
        assertThat(handled)
                .containsExactlyElementsOf(
                        LongStream.range(BURST, BURST + 2 * POLL).boxed().toList());
        assertThat(listener.run.limit.inFlight()).isZero();
        assertThat(isWaitedAt()).isFalse();
    }

    @ParameterizedTest
    @EnumSource
    void aSeekBackDropsASliceThatWaits(Ordering ordering) {
        start(ordering);
        append(POLL);
        turn();
        assertThat(isWaitedAt()).isTrue();

        listener.consumer.seek(PARTITION, BURST + 10);
        for (int round = 0; round < 6; round++) {
            turn();
            listener.advance(Duration.ofSeconds(1));
            setRate(RecordRates.QUICK_RATE); // has the gate look
            listener.container.side.overload.room().releaseDue(listener.now());
            listener.container.side.overload.submitTickets();
            turn();
        }
        assertThat(handled)
                .containsExactlyInAnyOrderElementsOf(
                        LongStream.range(BURST, BURST + POLL).boxed().toList());
        assertThat(listener.run.limit.inFlight()).isZero();
    }
}
