package io.github.kafkabackpressure.buffer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.BufferState;
import io.github.kafkabackpressure.Overflow;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class BufferContentTests {

    private static final class Item extends Buffered {

        Item(int priority, int bytes) {
            super(priority, bytes);
        }
    }

    /** Soft limits of 3 records and 60 bytes; from there on priorities below 4 are shed. */
    private final BufferLimits limits = new BufferLimits(5, 100, 3, 4);

    private final BufferStates states = new BufferStates(limits);

    private BufferContent<Item> content = content(Overflow.REJECT);

    @Test
    void aRecordFitsIfNeitherLimitIsPassed() {
        add(4, 20);
        assertThat(content.fits(new Item(5, 20))).isTrue();
        assertThat(content.fits(new Item(5, 21))).isFalse();
        add(1, 0);
        assertThat(content.records()).isEqualTo(5);
        assertThat(content.bytes()).isEqualTo(80);
        assertThat(content.fits(new Item(5, 0))).isFalse();
    }

    @Test
    void whatIsLargerThanTheWholeBufferIsTooLarge() {
        assertThat(content.refusalOf(new Item(5, 100))).isNull();
        assertThat(content.refusalOf(new Item(5, 101))).isEqualTo(Offer.TOO_LARGE);
    }

    @Test
    void lowPrioritiesAreShedFromTheSoftLimitOn() {
        add(2, 1);
        assertThat(content.refusalOf(new Item(3, 1))).isNull();
        add(1, 1);
        assertThat(content.refusalOf(new Item(3, 1))).isEqualTo(Offer.SHED);
        assertThat(content.refusalOf(new Item(4, 1))).isNull();
    }

    @Test
    void onlyWhatFindsNoRoomFillsTheBuffer() {
        add(4, 1);
        assertThat(content.refusalOf(new Item(5, 1))).isNull();
        assertThat(states.now()).isEqualTo(BufferState.PRESSURED);
        assertThat(content.refusalOf(new Item(5, 97))).isEqualTo(Offer.FULL);
        assertThat(states.now()).isEqualTo(BufferState.FULL);
    }

    @Test
    void forABytesLimitAsMuchMustBeDroppableAsIsMissing() {
        content = content(Overflow.DROP_LOWEST_PRIORITY);
        content.append(new Item(4, 30), 0);
        content.append(new Item(6, 50), 0);
        assertThat(content.refusalOf(new Item(5, 50))).isNull(); // 30 are missing
        assertThat(content.refusalOf(new Item(5, 51))).isEqualTo(Offer.FULL);
    }

    @Test
    void asManyRecordsMustBeDroppableAsAreMissing() {
        content = content(Overflow.DROP_OLDEST);
        add(6, 1); // one came in place of another
        assertThat(content.refusalOf(new Item(5, 1))).as("two have to go").isNull();
        setAside(take(5));
        assertThat(content.refusalOf(new Item(5, 1))).as("one of two").isEqualTo(Offer.FULL);
    }

    @Test
    void aBatchIsDueAtItsSizeAtTheLimitsAndAfterTheLinger() {
        assertThat(due(2)).isEqualTo(Long.MAX_VALUE);
        content.append(new Item(5, 1), 5);
        assertThat(due(2)).isEqualTo(5); // it is 10 now, and the linger 10
        assertThat(content.nanosUntilDue(2, 10, 15, false)).isZero();
        assertThat(content.nanosUntilDue(2, 10, 99, false)).isZero();
        assertThat(content.nanosUntilDue(2, 10, 10, true)).isZero();
        assertThat(due(1)).isZero();
        content.append(new Item(5, 58), 5);
        assertThat(due(3)).as("59 of 60 bytes").isEqualTo(5);
        content.append(new Item(5, 1), 5);
        assertThat(due(4)).as("60 bytes").isZero();
    }

    @Test
    void whatStandsAsideTakesTheRoomOfABatchButIsNoneOfIt() {
        add(4, 1);
        setAside(take(4));
        assertThat(content.records()).isEqualTo(4);
        assertThat(due(1)).as("nothing waits").isEqualTo(Long.MAX_VALUE);
        add(1, 1);
        assertThat(due(2)).as("there is no room for another").isZero();
    }

    @Test
    void whatWasExpeditedIsDueAndWhatCameLaterIsNot() {
        add(2, 1);
        long mark = content.expedite();
        assertThat(mark).isEqualTo(2);
        add(1, 1);
        assertThat(due(9)).isZero();
        take(1);
        assertThat(due(9)).isZero();
        take(1);
        assertThat(due(9)).isPositive();
    }

    @Test
    void whatWaitsStandsAsideOrIsInHandHasNotLeft() {
        add(2, 1);
        long mark = content.expedite();
        assertThat(content.hasLeft(mark)).as("both wait").isFalse();
        List<Item> taken = take(2);
        assertThat(content.hasLeft(mark)).as("both are in hand").isFalse();
        assertThat(content.hasLeft(0)).isTrue();
        content.handedOver(1);
        setAside(taken.subList(1, 2));
        add(1, 1);
        assertThat(content.backlog()).isEqualTo(2);
        assertThat(content.hasLeft(mark)).as("one stands aside").isFalse();

        List<Item> again = new ArrayList<>();
        assertThat(content.takeFromAside(taken, again))
                .as("the first does not stand there")
                .isEqualTo(1);
        assertThat(again).containsExactly(taken.get(1));
        assertThat(content.hasLeft(mark)).as("it is in hand").isFalse();
        assertThat(content.hasLeft(mark - 1)).isTrue();
        content.handedOver(1);
        assertThat(content.hasLeft(mark)).isTrue();
        assertThat(content.backlog()).isEqualTo(1);
        assertThat(content.takeFromAside(taken, again)).isZero();
    }

    @Test
    void noMoreAreTakenThanWaitAndThanAreWanted() {
        assertThat(take(new ArrayList<>(), 3)).isZero();
        add(3, 1);
        assertThat(take(new ArrayList<>(), 0)).isZero();
        assertThat(take(new ArrayList<>(), 2)).isEqualTo(2);
        assertThat(take(new ArrayList<>(), 2)).isEqualTo(1);
        assertThat(content.backlog()).isEqualTo(3);
    }

    @Test
    void whatIsSetAsideIsNoVictimOfAnyPolicy() {
        for (Overflow overflow : List.of(Overflow.DROP_OLDEST, Overflow.DROP_RANDOM, Overflow.DROP_LOWEST_PRIORITY)) {
            content = content(overflow);
            add(1, 1);
            List<Item> aside = new ArrayList<>();
            assertThat(content.take(new ArrayList<>(), 1, item -> Leave.ASIDE, aside))
                    .isEqualTo(1);
            add(1, 1);
            assertThat(content.takeVictim()).as(overflow.name()).isNotSameAs(aside.get(0));
            content.append(new Item(9, 1), 10);
            content.append(new Item(9, 1), 10);
            assertThat(List.of(content.takeVictim(), content.takeVictim())).doesNotContain(aside.get(0));
        }
    }

    @Test
    void allIsTakenWithWhatStandsAsideFirst() {
        add(2, 1);
        List<Item> aside = take(1);
        setAside(aside);
        states.full();
        List<Item> all = content.takeAll();
        assertThat(all).hasSize(2).startsWith(aside.get(0));
        assertThat(content.records()).isZero();
        assertThat(content.bytes()).isZero();
        assertThat(states.now()).isEqualTo(BufferState.NORMAL);
        assertThat(content.takeAll()).isEmpty();
    }

    private BufferContent<Item> content(Overflow overflow) {
        return new BufferContent<>(limits, overflow, new Random(1), states);
    }

    private void add(int records, int bytes) {
        for (int record = 0; record < records; record++) {
            content.append(new Item(5, bytes), 10);
        }
    }

    private List<Item> take(int records) {
        List<Item> taken = new ArrayList<>();
        take(taken, records);
        return taken;
    }

    private void setAside(List<Item> taken) {
        taken.forEach(content::setAside);
        content.handedOver(taken.size());
    }

    private long due(int batchSize) {
        return content.nanosUntilDue(batchSize, 10, 10, false);
    }

    private int take(List<Item> into, int max) {
        return content.take(into, max, item -> Leave.TAKEN, List.of());
    }
}
