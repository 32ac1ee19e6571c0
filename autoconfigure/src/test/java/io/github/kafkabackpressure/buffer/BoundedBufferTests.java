package io.github.kafkabackpressure.buffer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.kafkabackpressure.BufferState;
import io.github.kafkabackpressure.InvalidBackpressurePropertyException;
import io.github.kafkabackpressure.Overflow;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class BoundedBufferTests {

    private final List<Integer> dropped = new ArrayList<>();

    @Test
    void whatIsTakenComesInTheOrderInWhichItWasAccepted() {
        BoundedBuffer<Item> buffer = buffer(10, Overflow.REJECT);
        offer(buffer, 1, 2, 3, 4);

        assertThat(take(buffer, 3)).containsExactly(1, 2, 3);
        offer(buffer, 5);
        assertThat(take(buffer, 3)).containsExactly(4, 5);
    }

    @ParameterizedTest
    @EnumSource(names = {"BLOCK", "REJECT", "DROP_NEWEST"})
    void aFullBufferRefusesWhenNothingThatWaitsMayBeDropped(Overflow overflow) {
        BoundedBuffer<Item> buffer = buffer(2, overflow);
        offer(buffer, 1, 2);

        assertThat(buffer.offer(new Item(3), 0)).isEqualTo(Offer.FULL);
        assertThat(take(buffer, 9)).containsExactly(1, 2);
        assertThat(dropped).isEmpty();
    }

    @Test
    void dropOldestDropsWhatHasWaitedLongest() {
        BoundedBuffer<Item> buffer = buffer(3, Overflow.DROP_OLDEST);
        offer(buffer, 1, 2, 3, 4, 5);

        assertThat(dropped).containsExactly(1, 2);
        assertThat(take(buffer, 9)).containsExactly(3, 4, 5);
    }

    @Test
    void dropRandomDropsAnyOfThoseThatWaitAndKeepsTheOrderOfTheOthers() {
        boolean[] wasDropped = new boolean[4];
        for (int seed = 0; seed < 50; seed++) {
            dropped.clear();
            BoundedBuffer<Item> buffer = new BoundedBuffer<>(
                    limits(4), Overflow.DROP_RANDOM, new Random(seed), item -> dropped.add(item.id));
            offer(buffer, 0, 1, 2, 3, 100, 101);
            assertThat(dropped).hasSize(2);
            dropped.stream().filter(id -> id < 4).forEach(id -> wasDropped[id] = true);
            assertThat(take(buffer, 9)).hasSize(4).isSorted().doesNotContainAnyElementsOf(dropped);
        }
        assertThat(wasDropped).containsOnly(true);
    }

    @Test
    void dropLowestPriorityDropsTheOldestOfTheLowestAndOnlyForAStrictlyHigherOne() {
        BoundedBuffer<Item> buffer = buffer(4, Overflow.DROP_LOWEST_PRIORITY);
        buffer.offer(new Item(1, 5, 1), 0);
        buffer.offer(new Item(2, 3, 1), 0);
        buffer.offer(new Item(3, 4, 1), 0);
        buffer.offer(new Item(4, 3, 1), 0);

        assertThat(buffer.offer(new Item(5, 3, 1), 0)).isEqualTo(Offer.FULL);
        assertThat(buffer.offer(new Item(6, 9, 1), 0)).isEqualTo(Offer.ACCEPTED);
        assertThat(dropped).containsExactly(2);
        assertThat(buffer.offer(new Item(7, 4, 1), 0)).isEqualTo(Offer.ACCEPTED);
        assertThat(dropped).containsExactly(2, 4);
        assertThat(take(buffer, 9)).containsExactly(1, 3, 6, 7);
    }

    @Test
    void dropLowestPriorityDropsNothingWhenWhatItMayDropIsTooSmall() {
        BoundedBuffer<Item> buffer = new BoundedBuffer<>(
                new BufferLimits(10, 100, 10, 0), Overflow.DROP_LOWEST_PRIORITY, new Random(1), i -> dropped.add(i.id));
        buffer.offer(new Item(1, 1, 20), 0);
        buffer.offer(new Item(2, 5, 80), 0);

        assertThat(buffer.offer(new Item(3, 5, 30), 0)).isEqualTo(Offer.FULL);
        assertThat(dropped).isEmpty();
        assertThat(buffer.offer(new Item(4, 5, 20), 0)).isEqualTo(Offer.ACCEPTED);
        assertThat(dropped).containsExactly(1);
    }

    @Test
    void asManyAreDroppedAsTheBytesOfTheIncomingRecordNeed() {
        BoundedBuffer<Item> buffer = new BoundedBuffer<>(
                new BufferLimits(10, 100, 10, 0), Overflow.DROP_OLDEST, new Random(1), i -> dropped.add(i.id));
        for (int i = 0; i < 5; i++) {
            buffer.offer(new Item(i, 5, 20), 0);
        }
        assertThat(buffer.offer(new Item(9, 5, 50), 0)).isEqualTo(Offer.ACCEPTED);
        assertThat(dropped).containsExactly(0, 1, 2);
        assertThat(buffer.bytes()).isEqualTo(90);
        assertThat(buffer.offer(new Item(10, 5, 101), 0)).isEqualTo(Offer.TOO_LARGE);
    }

    @Test
    void aboveTheSoftLimitOnlyRecordsOfLowPriorityAreShed() {
        BoundedBuffer<Item> buffer =
                new BoundedBuffer<>(new BufferLimits(10, 1000, 2, 3), Overflow.REJECT, new Random(1), i -> {});
        assertThat(buffer.offer(new Item(1, 0, 1), 0)).isEqualTo(Offer.ACCEPTED);
        assertThat(buffer.offer(new Item(2, 5, 1), 0)).isEqualTo(Offer.ACCEPTED);
        assertThat(buffer.offer(new Item(3, 2, 1), 0)).isEqualTo(Offer.SHED);
        assertThat(buffer.offer(new Item(4, 3, 1), 0)).isEqualTo(Offer.ACCEPTED);
    }

    @Test
    void theStateChangesOncePerEpisode() {
        BoundedBuffer<Item> buffer =
                new BoundedBuffer<>(new BufferLimits(10, 1000, 6, 0), Overflow.REJECT, new Random(1), i -> {});
        for (int i = 0; i < 12; i++) {
            buffer.offer(new Item(i), 0);
        }
        assertThat(changes(buffer)).containsExactly(BufferState.PRESSURED, BufferState.FULL);

        take(buffer, 3);
        offer(buffer, 20, 21, 22);
        assertThat(buffer.state()).isEqualTo(BufferState.FULL);
        assertThat(changes(buffer)).isEmpty();

        take(buffer, 7);
        assertThat(changes(buffer)).containsExactly(BufferState.NORMAL);
        offer(buffer, 30, 31, 32);
        assertThat(changes(buffer)).containsExactly(BufferState.PRESSURED);
    }

    @ParameterizedTest
    @CsvSource({"2, 0", "3, 0", "1, 60"})
    void aBatchIsDueAtItsSizeOrWhenTheOldestHasLingered(int records, long nanosUntilDue) {
        BoundedBuffer<Item> buffer = buffer(10, Overflow.REJECT);
        assertThat(buffer.nanosUntilDue(2, 100, 0)).isEqualTo(Long.MAX_VALUE);
        for (int i = 0; i < records; i++) {
            buffer.offer(new Item(i), 10 + i);
        }
        assertThat(buffer.nanosUntilDue(2, 100, 50)).isEqualTo(nanosUntilDue);
        assertThat(buffer.nanosUntilDue(2, 100, 110)).isZero();
    }

    @Test
    void aBatchThatCannotGrowIsDue() {
        BoundedBuffer<Item> buffer = buffer(3, Overflow.REJECT);
        offer(buffer, 1, 2);
        assertThat(buffer.nanosUntilDue(1000, Long.MAX_VALUE, 0)).isPositive();
        offer(buffer, 3);
        assertThat(buffer.nanosUntilDue(1000, Long.MAX_VALUE, 0)).isZero();
    }

    @Test
    void whatWasExpeditedIsDueUntilItHasLeft() {
        BoundedBuffer<Item> buffer = buffer(10, Overflow.REJECT);
        offer(buffer, 1, 2);
        long mark = buffer.expedite();
        offer(buffer, 3);

        assertThat(buffer.nanosUntilDue(1000, 1_000_000, 0)).isZero();
        take(buffer, 2);
        assertThat(buffer.hasLeft(mark)).isFalse();
        assertThat(buffer.nanosUntilDue(1000, 1_000_000, 0)).isPositive();
        buffer.handedOver(2);
        assertThat(buffer.hasLeft(mark)).isTrue();
        assertThat(buffer.backlog()).isEqualTo(1);
    }

    @Test
    void aClosedBufferRefusesAndGivesOutWhatItHolds() {
        BoundedBuffer<Item> buffer = buffer(10, Overflow.REJECT);
        offer(buffer, 1);
        buffer.close();

        assertThat(buffer.offer(new Item(2), 0)).isEqualTo(Offer.CLOSED);
        assertThat(buffer.nanosUntilDue(1000, 1_000_000, 0)).isZero();
        assertThat(take(buffer, 9)).containsExactly(1);
        buffer.reopen();
        assertThat(buffer.offer(new Item(2), 0)).isEqualTo(Offer.ACCEPTED);
    }

    @Test
    void whoWaitsForRoomHasItsRecordTakenInAsSoonAsThereIsSome() throws Exception {
        BoundedBuffer<Item> buffer = buffer(1, Overflow.BLOCK);
        offer(buffer, 1);
        Waiter waiter = new Waiter(buffer, new Item(2));

        assertThat(take(buffer, 1)).containsExactly(1);
        // Before the waiter has noticed.
        assertThat(take(buffer, 1)).containsExactly(2);
        assertThat(waiter.answer()).isEqualTo(Offer.ACCEPTED);
    }

    @Test
    void roomIsGivenInTurn() throws Exception {
        BoundedBuffer<Item> buffer = buffer(2, Overflow.BLOCK);
        offer(buffer, 1, 2);
        List<Waiter> waiters = new ArrayList<>();
        for (int id = 3; id < 9; id++) {
            waiters.add(new Waiter(buffer, new Item(id)));
        }

        assertThat(take(buffer, 1)).containsExactly(1);
        // A place is free for an instant, and is the first waiter's.
        assertThat(buffer.offer(new Item(99), 0)).isEqualTo(Offer.FULL);
        assertThat(take(buffer, 9)).containsExactly(2, 3);
        assertThat(take(buffer, 9)).containsExactly(4, 5);
        assertThat(take(buffer, 9)).containsExactly(6, 7);
        assertThat(take(buffer, 9)).containsExactly(8);
        for (Waiter waiter : waiters) {
            assertThat(waiter.answer()).isEqualTo(Offer.ACCEPTED);
        }
        assertThat(buffer.offer(new Item(99), 0)).isEqualTo(Offer.ACCEPTED);
    }

    @Test
    void aLargeRecordIsNotKeptOutBySmallOnes() throws Exception {
        BoundedBuffer<Item> buffer =
                new BoundedBuffer<>(new BufferLimits(1000, 100, 1000, 0), Overflow.BLOCK, new Random(1), i -> {});
        for (int id = 0; id < 10; id++) {
            buffer.offer(new Item(id, 5, 10), 0);
        }
        Waiter large = new Waiter(buffer, new Item(10, 5, 80));
        Waiter small = new Waiter(buffer, new Item(11, 5, 10));

        for (int id = 0; id < 7; id++) {
            assertThat(take(buffer, 1)).containsExactly(id);
            assertThat(buffer.offer(new Item(99, 5, 1), 0)).isEqualTo(Offer.FULL);
        }
        assertThat(buffer.bytes()).isEqualTo(30);
        assertThat(take(buffer, 1)).containsExactly(7);
        assertThat(large.answer()).isEqualTo(Offer.ACCEPTED);
        assertThat(buffer.bytes()).isEqualTo(100);
        assertThat(take(buffer, 9)).containsExactly(8, 9, 10);
        assertThat(small.answer()).isEqualTo(Offer.ACCEPTED);
        assertThat(take(buffer, 9)).containsExactly(11);
    }

    @Test
    void whoeverWaitsBehindOneThatGivesUpIsNotForgotten() throws Exception {
        BoundedBuffer<Item> buffer =
                new BoundedBuffer<>(new BufferLimits(1000, 100, 1000, 0), Overflow.BLOCK, new Random(1), i -> {});
        buffer.offer(new Item(1, 5, 60), 0);
        Waiter large = new Waiter(buffer, new Item(2, 5, 80));
        Waiter small = new Waiter(buffer, new Item(3, 5, 10));

        large.thread.interrupt();

        assertThat(large.interrupted()).isTrue();
        assertThat(small.answer()).isEqualTo(Offer.ACCEPTED);
        assertThat(take(buffer, 9)).containsExactly(1, 3);
    }

    @Test
    void whoWaitsForRoomIsRefusedWhenTheBufferIsClosed() throws Exception {
        BoundedBuffer<Item> buffer = buffer(1, Overflow.BLOCK);
        offer(buffer, 1);
        Waiter waiter = new Waiter(buffer, new Item(2));
        Waiter second = new Waiter(buffer, new Item(3));

        buffer.close();

        assertThat(waiter.answer()).isEqualTo(Offer.CLOSED);
        assertThat(second.answer()).isEqualTo(Offer.CLOSED);
        assertThat(take(buffer, 9)).containsExactly(1);
    }

    @Test
    void whenThereIsNoRoomInTimeTheTimeIsUpAndTheRecordStaysOut() throws Exception {
        BoundedBuffer<Item> buffer = buffer(1, Overflow.BLOCK);
        offer(buffer, 1);
        assertThat(buffer.put(new Item(2), System::nanoTime, 1_000_000, () -> {}))
                .isEqualTo(Offer.FULL);
        assertThat(take(buffer, 9)).containsExactly(1);
        offer(buffer, 3);
        assertThat(take(buffer, 9)).containsExactly(3);
    }

    @Test
    void aBatchIsDueWhenSomeoneWaitsForRoomAndTheSenderIsToldAfterThat() throws Exception {
        BoundedBuffer<Item> buffer =
                new BoundedBuffer<>(new BufferLimits(10, 100, 10, 0), Overflow.BLOCK, new Random(1), i -> {});
        buffer.offer(new Item(1, 5, 30), 0);
        assertThat(buffer.nanosUntilDue(1000, Long.MAX_VALUE, 0)).isPositive();
        AtomicLong untilDue = new AtomicLong(-1);

        buffer.put(
                new Item(2, 5, 80),
                System::nanoTime,
                1_000_000,
                () -> untilDue.set(buffer.nanosUntilDue(1000, Long.MAX_VALUE, 0)));

        assertThat(untilDue).hasValue(0);
    }

    @Test
    void aRecordInPlaceOfAnotherIsTakenInThoughThereIsNoRoom() {
        BoundedBuffer<Item> buffer = buffer(1, Overflow.BLOCK);
        offer(buffer, 1);
        assertThat(buffer.offerInPlaceOfAnother(new Item(2), 0)).isEqualTo(Offer.ACCEPTED);
        assertThat(buffer.size()).isEqualTo(2);
        assertThat(take(buffer, 9)).containsExactly(1, 2);
        buffer.close();
        assertThat(buffer.offerInPlaceOfAnother(new Item(3), 0)).isEqualTo(Offer.CLOSED);
    }

    @Test
    void whatIsSetAsideCountsAndComesBackInItsTime() {
        BoundedBuffer<Item> buffer = buffer(3, Overflow.REJECT);
        List<Item> hand = new ArrayList<>();
        offer(buffer, 1, 2, 3);
        long mark = buffer.expedite();
        buffer.take(hand, 2, item -> Leave.TAKEN, List.of());
        buffer.setAside(hand.get(0), () -> false);
        buffer.handedOver(2);

        assertThat(buffer.size()).isEqualTo(2);
        assertThat(buffer.backlog()).isEqualTo(2);
        offer(buffer, 4);
        assertThat(buffer.offer(new Item(5), 0)).isEqualTo(Offer.FULL);
        assertThat(take(buffer, 9)).containsExactly(3, 4);
        buffer.handedOver(2);
        assertThat(buffer.nanosUntilDue(1, 0, 0)).isEqualTo(Long.MAX_VALUE);
        assertThat(buffer.hasLeft(mark)).isFalse();

        List<Item> back = new ArrayList<>();
        assertThat(buffer.takeFromAside(hand, back)).isEqualTo(1);
        assertThat(back).containsExactly(hand.get(0));
        assertThat(buffer.hasLeft(mark)).isFalse();
        buffer.handedOver(1);
        assertThat(buffer.hasLeft(mark)).isTrue();
        assertThat(buffer.backlog()).isZero();
    }

    @Test
    void whatStandsAsideIsNotDropped() {
        BoundedBuffer<Item> buffer = buffer(1, Overflow.DROP_OLDEST);
        List<Item> hand = new ArrayList<>();
        offer(buffer, 1);
        buffer.take(hand, 1, item -> Leave.TAKEN, List.of());
        buffer.setAside(hand.get(0), () -> false);

        assertThat(buffer.offer(new Item(2), 0)).isEqualTo(Offer.FULL);
        assertThat(dropped).isEmpty();
        assertThat(buffer.takeAll()).containsExactly(hand.get(0));
        assertThat(buffer.takeFromAside(hand, new ArrayList<>())).isZero();
    }

    @Test
    void whoFindsRoomDoesNotWait() throws Exception {
        BoundedBuffer<Item> buffer = buffer(1, Overflow.BLOCK);
        assertThat(buffer.put(new Item(1), () -> 7, 1000, () -> dropped.add(-1)))
                .isEqualTo(Offer.ACCEPTED);
        assertThat(buffer.backlog()).isEqualTo(1);
        assertThat(buffer.put(new Item(2), () -> 7, 0, () -> dropped.add(-1))).isEqualTo(Offer.FULL);
        assertThat(dropped).isEmpty();
        List<Item> taken = new ArrayList<>();
        assertThat(buffer.take(taken, 9, item -> Leave.TAKEN, List.of())).isEqualTo(1);
        assertThat(taken.get(0).acceptedNanos()).isEqualTo(7);
    }

    @Test
    void anInterruptThatComesWithTheRoomStaysSet() throws Exception {
        BoundedBuffer<Item> buffer = buffer(1, Overflow.BLOCK);
        offer(buffer, 1);
        AtomicLong asked = new AtomicLong();

        Offer offer = buffer.put(
                new Item(2),
                () -> {
                    if (asked.incrementAndGet() == 2) { // it waits
                        take(buffer, 1);
                        Thread.currentThread().interrupt();
                    }
                    return 0;
                },
                Long.MAX_VALUE,
                () -> {});

        assertThat(offer).isEqualTo(Offer.ACCEPTED);
        assertThat(Thread.interrupted()).isTrue();
        assertThat(take(buffer, 9)).containsExactly(2);
    }

    @Test
    void whoWaitsForRoomGetsThatOfWhatIsTakenFromAsideAndOfAll() throws Exception {
        BoundedBuffer<Item> buffer = buffer(1, Overflow.BLOCK);
        List<Item> hand = new ArrayList<>();
        offer(buffer, 1);
        buffer.take(hand, 1, item -> Leave.TAKEN, List.of());
        buffer.setAside(hand.get(0), () -> false);
        Waiter first = new Waiter(buffer, new Item(2));
        Waiter second = new Waiter(buffer, new Item(3));

        buffer.takeFromAside(hand, new ArrayList<>());
        assertThat(first.answer()).isEqualTo(Offer.ACCEPTED);

        assertThat(buffer.takeAll()).extracting(item -> item.id).containsExactly(2);
        assertThat(second.answer()).isEqualTo(Offer.ACCEPTED);
        assertThat(take(buffer, 9)).containsExactly(3);
    }

    @Test
    void whatStandsAsideWithoutHavingBeenInHandGivesNoRoomAway() throws Exception {
        BoundedBuffer<Item> buffer = buffer(3, Overflow.BLOCK);
        offer(buffer, 1, 2, 3);
        Waiter first = new Waiter(buffer, new Item(4));
        Waiter second = new Waiter(buffer, new Item(5));

        List<Item> hand = new ArrayList<>();
        List<Item> aside = new ArrayList<>();
        assertThat(buffer.take(hand, 2, item -> item.id == 1 ? Leave.ASIDE : Leave.TAKEN, aside))
                .isEqualTo(2);

        assertThat(aside).extracting(item -> item.id).containsExactly(1);
        assertThat(hand).extracting(item -> item.id).containsExactly(2);
        assertThat(first.answer()).isEqualTo(Offer.ACCEPTED);
        assertThat(buffer.size()).isEqualTo(3);
        assertThat(buffer.backlog()).isEqualTo(4);
        buffer.handedOver(1);
        assertThat(buffer.backlog()).isEqualTo(3);
        assertThat(buffer.takeFromAside(aside, new ArrayList<>())).isEqualTo(1);
        assertThat(second.answer()).isEqualTo(Offer.ACCEPTED);
        assertThat(take(buffer, 9)).containsExactly(3, 4, 5);
    }

    @Test
    void takingEndsBeforeTheRecordOfWhichItIsNotKnownWhatToDo() throws Exception {
        BoundedBuffer<Item> buffer = buffer(3, Overflow.BLOCK);
        offer(buffer, 1, 2, 3);
        Waiter waiter = new Waiter(buffer, new Item(4));
        List<Item> hand = new ArrayList<>();
        List<Item> aside = new ArrayList<>();

        assertThat(buffer.take(hand, 9, item -> Leave.NOT_YET, aside)).isZero();
        assertThat(buffer.size()).isEqualTo(3);
        assertThat(buffer.backlog()).isEqualTo(3);

        assertThat(buffer.take(hand, 9, item -> item.id == 2 ? Leave.NOT_YET : Leave.TAKEN, aside))
                .isEqualTo(1);
        assertThat(hand).extracting(item -> item.id).containsExactly(1);
        assertThat(aside).isEmpty();
        assertThat(waiter.answer()).isEqualTo(Offer.ACCEPTED);
        assertThat(take(buffer, 9)).containsExactly(2, 3, 4);
    }

    @Test
    void whatStandsAsideWithoutHavingBeenInHandIsNothingToDropAndHasNotLeft() {
        BoundedBuffer<Item> buffer = buffer(2, Overflow.DROP_OLDEST);
        offer(buffer, 1, 2);
        long mark = buffer.expedite();
        List<Item> aside = new ArrayList<>();
        assertThat(buffer.take(new ArrayList<>(), 1, item -> Leave.ASIDE, aside))
                .isEqualTo(1);
        offer(buffer, 3);
        assertThat(dropped).containsExactly(2);
        assertThat(buffer.hasLeft(mark)).isFalse();
        buffer.takeFromAside(aside, new ArrayList<>());
        assertThat(buffer.hasLeft(mark)).isFalse();
        buffer.handedOver(1);
        assertThat(buffer.hasLeft(mark)).isTrue();
    }

    @Test
    void theBacklogIsWhatWaitsStandsAsideAndIsInHand() {
        BoundedBuffer<Item> buffer =
                new BoundedBuffer<>(new BufferLimits(10, 1000, 10, 0), Overflow.REJECT, new Random(1), item -> {});
        List<Item> hand = new ArrayList<>();
        buffer.offer(new Item(1, 5, 10), 0);
        buffer.offer(new Item(2, 5, 20), 0);
        assertThat(buffer.backlog()).isEqualTo(2);
        buffer.take(hand, 1, item -> Leave.TAKEN, List.of());
        assertThat(buffer.backlog()).isEqualTo(2);
        assertThat(buffer.size()).isEqualTo(1);
        buffer.setAside(hand.get(0), () -> false);
        assertThat(buffer.backlog()).isEqualTo(3); // it is still to be reported
        assertThat(buffer.size()).isEqualTo(2);
        assertThat(buffer.bytes()).isEqualTo(30);
        buffer.handedOver(1);
        assertThat(buffer.backlog()).isEqualTo(2);
        assertThat(buffer.takeFromAside(hand, new ArrayList<>())).isEqualTo(1);
        assertThat(buffer.bytes()).isEqualTo(20);
        assertThat(buffer.backlog()).isEqualTo(2);
        buffer.handedOver(1);
        assertThat(buffer.takeAll()).hasSize(1);
        assertThat(buffer.backlog()).isZero();
    }

    @Test
    void whateverLeavesEndsTheEpisodeOfPressure() {
        BoundedBuffer<Item> buffer = buffer(2, Overflow.REJECT);
        List<Item> hand = new ArrayList<>();
        offer(buffer, 1, 2);
        buffer.take(hand, 1, item -> Leave.TAKEN, List.of());
        buffer.setAside(hand.get(0), () -> false);
        take(buffer, 1);
        offer(buffer, 3);
        assertThat(buffer.state()).isEqualTo(BufferState.FULL);
        buffer.takeFromAside(hand, new ArrayList<>());
        assertThat(buffer.state()).isEqualTo(BufferState.NORMAL);

        offer(buffer, 4);
        assertThat(buffer.state()).isEqualTo(BufferState.FULL);
        buffer.takeAll();
        assertThat(buffer.state()).isEqualTo(BufferState.NORMAL);

        offer(buffer, 5, 6);
        buffer.take(hand, 2, item -> Leave.TAKEN, List.of());
        buffer.setAside(hand.get(1), () -> false);
        buffer.setAside(hand.get(2), () -> false);
        offer(buffer, 7);
        assertThat(buffer.state()).isEqualTo(BufferState.FULL);
        buffer.takeAll();
        assertThat(buffer.state()).isEqualTo(BufferState.NORMAL);
    }

    @Test
    void aRecordForWhichThereAreTooFewBytesFindsTheBufferFull() {
        BoundedBuffer<Item> buffer =
                new BoundedBuffer<>(new BufferLimits(10, 100, 10, 0), Overflow.REJECT, new Random(1), i -> {});
        assertThat(buffer.offer(new Item(1, 5, 100), 0)).isEqualTo(Offer.ACCEPTED);
        take(buffer, 1);
        buffer.offer(new Item(2, 5, 50), 0);
        assertThat(buffer.state()).isEqualTo(BufferState.NORMAL);
        assertThat(buffer.offer(new Item(3, 5, 51), 0)).isEqualTo(Offer.FULL);
        assertThat(buffer.state()).isEqualTo(BufferState.FULL);
        assertThat(buffer.offer(new Item(4, 5, 50), 0)).isEqualTo(Offer.ACCEPTED);
    }

    @Test
    void whatCameInPlaceOfOthersIsDroppedBeyondTheLimitToo() {
        BoundedBuffer<Item> buffer = buffer(2, Overflow.DROP_LOWEST_PRIORITY);
        offer(buffer, 1, 2);
        buffer.offerInPlaceOfAnother(new Item(3), 0);
        buffer.offerInPlaceOfAnother(new Item(4, 9, 1), 0);

        assertThat(buffer.offer(new Item(5, 6, 1), 0)).isEqualTo(Offer.ACCEPTED);
        assertThat(dropped).containsExactly(1, 2, 3);

        buffer.offerInPlaceOfAnother(new Item(6, 9, 1), 0);
        assertThat(buffer.offer(new Item(7, 7, 1), 0)).isEqualTo(Offer.FULL); // one may go, two would have to
        assertThat(dropped).hasSize(3);
    }

    @Test
    void onlyAsManyAreDroppedAsWaitBesideWhatStandsAside() {
        BoundedBuffer<Item> buffer = new BoundedBuffer<>(
                new BufferLimits(3, 100, 3, 0), Overflow.DROP_OLDEST, new Random(1), i -> dropped.add(i.id));
        List<Item> hand = new ArrayList<>();
        buffer.offer(new Item(1, 5, 60), 0);
        buffer.take(hand, 1, item -> Leave.TAKEN, List.of());
        buffer.setAside(hand.get(0), () -> false);
        buffer.offer(new Item(2, 5, 30), 0);

        assertThat(buffer.offer(new Item(3, 5, 41), 0)).isEqualTo(Offer.FULL);
        assertThat(dropped).isEmpty();
        assertThat(buffer.offer(new Item(4, 5, 40), 0)).isEqualTo(Offer.ACCEPTED);
        assertThat(dropped).containsExactly(2);
    }

    @Test
    void aBatchIsDueWhenTheSoftLimitOfBytesIsReached() {
        BoundedBuffer<Item> buffer =
                new BoundedBuffer<>(new BufferLimits(10, 100, 5, 0), Overflow.REJECT, new Random(1), i -> {});
        buffer.offer(new Item(1, 5, 49), 0);
        assertThat(buffer.nanosUntilDue(1000, 1_000, 0)).isEqualTo(1_000);
        buffer.offer(new Item(2, 5, 1), 0);
        assertThat(buffer.nanosUntilDue(1000, 1_000, 0)).isZero();
    }

    @Test
    void whatWaitsBehindTheMarkHasNotToLeave() {
        BoundedBuffer<Item> buffer = buffer(9, Overflow.REJECT);
        offer(buffer, 1);
        long mark = buffer.expedite();
        offer(buffer, 2);
        assertThat(buffer.hasLeft(mark)).isFalse();
        List<Item> hand = new ArrayList<>();
        buffer.take(hand, 1, item -> Leave.TAKEN, List.of());
        buffer.setAside(hand.get(0), () -> false);
        buffer.handedOver(1);
        assertThat(buffer.hasLeft(mark)).isFalse();
        buffer.takeFromAside(hand, new ArrayList<>());
        assertThat(buffer.hasLeft(mark)).isFalse();
        buffer.handedOver(1);
        assertThat(buffer.hasLeft(mark)).isTrue();
        buffer.take(hand, 1, item -> Leave.TAKEN, List.of());
        buffer.setAside(hand.get(1), () -> false);
        assertThat(buffer.hasLeft(mark)).isTrue();
    }

    @Test
    void aRecordThatMayNotStandAsideIsStillInHand() {
        BoundedBuffer<Item> buffer = buffer(2, Overflow.BLOCK);
        offer(buffer, 1);
        List<Item> hand = new ArrayList<>();
        buffer.take(hand, 1, item -> Leave.TAKEN, List.of());

        assertThat(buffer.setAside(hand.get(0), () -> true)).isFalse();
        assertThat(buffer.size()).isZero();
        buffer.handedOver(1);
        assertThat(buffer.backlog()).isZero();
        assertThat(buffer.takeAll()).isEmpty();
    }

    static Stream<Consumer<BoundedBuffer<Item>>> calls() {
        return Stream.of(
                buffer -> buffer.offer(new Item(2), 0),
                buffer -> buffer.offer(new Item(2, 5, 9999), 0),
                buffer -> buffer.offerInPlaceOfAnother(new Item(2), 0),
                buffer -> put(buffer, 0),
                buffer -> put(buffer, 1),
                buffer -> {
                    offer(buffer, 2);
                    put(buffer, 1);
                },
                buffer -> buffer.take(new ArrayList<>(), 1, item -> Leave.TAKEN, List.of()),
                buffer -> buffer.take(new ArrayList<>(), 1, item -> Leave.ASIDE, new ArrayList<>()),
                buffer -> buffer.handedOver(0),
                buffer -> buffer.setAside(new Item(2), () -> false),
                buffer -> buffer.setAside(new Item(2), () -> true),
                buffer -> buffer.takeFromAside(List.of(), new ArrayList<>()),
                BoundedBuffer::takeAll,
                buffer -> buffer.nanosUntilDue(1, 1, 1),
                buffer -> buffer.nanosUntilDue(9, 1, 1),
                BoundedBuffer::expedite,
                buffer -> buffer.hasLeft(0),
                BoundedBuffer::close,
                BoundedBuffer::reopen,
                BoundedBuffer::size,
                BoundedBuffer::bytes,
                BoundedBuffer::nextChange);
    }

    private static void put(BoundedBuffer<Item> buffer, long nanos) {
        try {
            buffer.put(new Item(9), System::nanoTime, nanos, () -> {});
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @ParameterizedTest
    @MethodSource("calls")
    void noCallKeepsTheLock(Consumer<BoundedBuffer<Item>> call) {
        BoundedBuffer<Item> buffer = buffer(2, Overflow.BLOCK);
        offer(buffer, 1);
        call.accept(buffer);
        NotLocked.assertThatNobodyHolds(buffer::size);
    }

    @Test
    void impossibleLimitsAreNamed() {
        assertThatThrownBy(() -> new BufferLimits(0, 1, 1, 0))
                .isInstanceOf(InvalidBackpressurePropertyException.class)
                .hasMessage("'kafka.backpressure.producer.max-buffered' is '0'. It must be at least 1 record.");
        assertThatThrownBy(() -> new BufferLimits(10, 1, 11, 0))
                .hasMessage(
                        "'kafka.backpressure.producer.soft-limit' is '11'. It must be 1 to max-buffered, which is 10.");
        assertThatThrownBy(() -> new BufferLimits(10, 0, 1, 0)).hasMessageContaining("max-buffered-bytes' is '0'");
        assertThatThrownBy(() -> new BufferLimits(10, 1, 1, 11)).hasMessageContaining("shed-priority' is '11'");
    }

    private BoundedBuffer<Item> buffer(int records, Overflow overflow) {
        return new BoundedBuffer<>(limits(records), overflow, new Random(1), item -> dropped.add(item.id));
    }

    private static BufferLimits limits(int records) {
        return new BufferLimits(records, 1000, records, 0);
    }

    private static void offer(BoundedBuffer<Item> buffer, int... ids) {
        for (int id : ids) {
            buffer.offer(new Item(id), 0);
        }
    }

    private static List<Integer> take(BoundedBuffer<Item> buffer, int max) {
        List<Item> taken = new ArrayList<>();
        buffer.take(taken, max, item -> Leave.TAKEN, List.of());
        return taken.stream().map(item -> item.id).toList();
    }

    private static List<BufferState> changes(BoundedBuffer<Item> buffer) {
        List<BufferState> changes = new ArrayList<>();
        while (buffer.hasChanged()) {
            changes.add(buffer.nextChange());
        }
        return changes;
    }

    /** Puts a record on a thread of its own, and waits until that waits. */
    private static final class Waiter {

        private final CompletableFuture<Offer> answer = new CompletableFuture<>();
        final Thread thread;

        Waiter(BoundedBuffer<Item> buffer, Item item) {
            thread = new Thread(() -> {
                try {
                    answer.complete(buffer.put(item, System::nanoTime, TimeUnit.MINUTES.toNanos(1), () -> {}));
                } catch (InterruptedException e) {
                    answer.completeExceptionally(e);
                }
            });
            thread.start();
            Awaitility.await()
                    .pollInterval(Duration.ofMillis(1))
                    .until(() -> thread.getState() == Thread.State.TIMED_WAITING);
        }

        Offer answer() throws Exception {
            return answer.get(10, TimeUnit.SECONDS);
        }

        boolean interrupted() throws Exception {
            thread.join(10_000);
            return answer.isCompletedExceptionally();
        }
    }

    private static final class Item extends Buffered {

        final int id;

        Item(int id) {
            this(id, 5, 1);
        }

        Item(int id, int priority, int bytes) {
            super(priority, bytes);
            this.id = id;
        }
    }
}
