package io.github.kafkabackpressure.buffer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.kafkabackpressure.Overflow;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import java.util.function.ToLongFunction;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class WaitingRoomTests {

    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    /** Tokens by group, refilled by hand. */
    private final Map<Object, Integer> tokens = new HashMap<>();

    private final WaitingLanes unordered = new WaitingLanes(WaitingLanes.Order.NONE);

    private final WaitingLanes byKey = new WaitingLanes(WaitingLanes.Order.BY_KEY);

    @Test
    void theRecordOfTheHigherPriorityGoesFirstWhateverCameFirst() {
        WaitingRoom<Item> room = room(Overflow.BLOCK);
        put(room, "low", 1);
        put(room, "high", 9);
        put(room, "usual", 5);

        assertThat(takeAll(room, 0)).containsExactly("high", "usual", "low");
    }

    @Test
    void aRecordThatHasWaitedLongEnoughGoesBeforeAHigherOne() {
        WaitingRoom<Item> room = room(Overflow.BLOCK);
        put(room, "low", 1);
        room.put(new Item("high", 9), unordered, 0, true, 9 * SECOND);

        assertThat(takeAll(room, 9 * SECOND)).containsExactly("low", "high");
    }

    @Test
    void aHigherOneGoesFirstUntilThen() {
        WaitingRoom<Item> room = room(Overflow.BLOCK);
        put(room, "low", 1);
        room.put(new Item("high", 9), unordered, 0, true, 7 * SECOND);

        assertThat(takeAll(room, 7 * SECOND)).containsExactly("high", "low");
    }

    @Test
    void aLanesSecondRecordWaitsForTheEndOfItsFirst() {
        WaitingRoom<Item> room = room(Overflow.BLOCK);
        Item first = new Item("a1", 5);
        room.put(first, byKey, "a", true, 0);
        room.put(new Item("a2", 9), byKey, "a", true, 0);
        room.put(new Item("b1", 5), byKey, "b", true, 0);

        assertThat(takeAll(room, 0)).containsExactly("a1", "b1");
        room.leave(first, 0);
        assertThat(takeAll(room, 0)).containsExactly("a2");
    }

    @Test
    void aLaneGoesOnBehindARecordThatWasDropped() {
        WaitingRoom<Item> room = room(Overflow.DROP_OLDEST);
        Item first = new Item("a1", 5);
        room.put(first, byKey, "a", true, 0);
        room.take(0);
        room.put(new Item("a2", 5), byKey, "a", true, 0);
        room.put(new Item("a3", 5), byKey, "a", true, 0);

        assertThat(victim(room, new Item("a4", 5), 0)).hasToString("a2");
        room.leave(first, 0);
        assertThat(takeAll(room, 0)).containsExactly("a3");
        assertThat(byKey.size()).isEqualTo(1);
    }

    @Test
    void whatWasStartedElsewhereHoldsItsLaneUntilItLeaves() {
        WaitingRoom<Item> room = room(Overflow.BLOCK);
        Item outside = new Item("outside", 5);
        room.putStarted(outside, byKey, "a");
        room.put(new Item("a1", 5), byKey, "a", true, 0);
        room.put(new Item("b1", 5), byKey, "b", true, 0);

        assertThat(room.isFree(byKey)).isFalse();
        assertThat(take(room, 0)).hasToString("b1");
        assertThat(room.take(0)).isNull();
        room.leave(outside, 0);
        assertThat(take(room, 0)).hasToString("a1");
    }

    @Test
    void whatWasStartedElsewhereAndIsOverHoldsNoLane() {
        WaitingRoom<Item> room = room(Overflow.BLOCK);
        Item outside = new Item("outside", 5);
        room.leave(outside, 0);
        room.putStarted(outside, byKey, "a");

        assertThat(room.isFree(byKey)).isTrue();
        room.put(new Item("a1", 5), byKey, "a", true, 0);
        assertThat(room.isFree(byKey)).isFalse();
        Item taken = take(room, 0);
        assertThat(taken).hasToString("a1");
        assertThat(room.isFree(byKey)).isFalse();
        room.leave(taken, 0);
        assertThat(room.isFree(byKey)).isTrue();
    }

    @Test
    void lanesAreForgottenWhenTheyAreEmpty() {
        WaitingRoom<Item> room = room(Overflow.DROP_OLDEST);
        for (int key = 0; key < 1000; key++) {
            room.put(new Item("x", 5), byKey, key, true, 0);
            if (key % 2 == 0) {
                room.leave(take(room, 0), 0);
            } else {
                victim(room, new Item("y", 5), 0);
            }
        }

        assertThat(byKey.size()).isZero();
        assertThat(room.size()).isZero();
    }

    @Test
    void whatWasStartedIsNeverAVictim() {
        WaitingRoom<Item> room = room(Overflow.DROP_OLDEST);
        put(room, "started", 5);
        room.take(0);

        assertThat(victim(room, new Item("new", 5), 0)).isNull();
    }

    @Test
    void theLowestPriorityIsDroppedForAStrictlyHigherOneOnly() {
        WaitingRoom<Item> room = room(Overflow.DROP_LOWEST_PRIORITY);
        put(room, "four", 4);
        put(room, "three", 3);

        assertThat(victim(room, new Item("three too", 3), 0)).isNull();
        assertThat(victim(room, new Item("five", 5), 0)).hasToString("three");
    }

    @Test
    void everyCandidateIsDroppedAboutAsOftenByChance() {
        Map<String, Integer> dropped = new HashMap<>();
        WaitingRoom<Item> room = room(Overflow.DROP_RANDOM);
        for (int round = 0; round < 4000; round++) {
            for (int item = 0; item < 4; item++) {
                put(room, "r" + item, 5);
            }
            dropped.merge(String.valueOf(victim(room, new Item("new", 5), 0)), 1, Integer::sum);
            room.removeIf(item -> true, 0);
        }

        assertThat(dropped).hasSize(4);
        assertThat(dropped.values()).allSatisfy(times -> assertThat(times).isBetween(900, 1100));
    }

    @Test
    void ofEachKeyOnlyTheNewestIsKeptAtItsOwnPlace() {
        WaitingRoom<Item> room = room(Overflow.BLOCK);
        WaitingLanes one = new WaitingLanes(WaitingLanes.Order.ALL);

        assertThat(room.putNewest(new Item("a1", 5), one, 0, "a", true, 0)).isNull();
        assertThat(room.putNewest(new Item("b1", 5), one, 0, "b", true, 0)).isNull();
        assertThat(room.putNewest(new Item("a2", 5), one, 0, "a", true, 0)).hasToString("a1");

        assertThat(room.removeIf(any -> true, 0)).hasToString("[b1, a2]");
    }

    @Test
    void aRecordThatWasStartedIsNotConflated() {
        WaitingRoom<Item> room = room(Overflow.BLOCK);
        room.putNewest(new Item("a1", 5), byKey, 0, "a", true, 0);
        room.take(0);

        assertThat(room.putNewest(new Item("a2", 5), byKey, 0, "a", true, 0)).isNull();
    }

    @Test
    void aRecordWithoutAPlaceIsNotStartedBeforeItGetsOne() {
        WaitingRoom<Item> room = room(Overflow.DROP_OLDEST);
        room.put(new Item("first", 5), unordered, 0, false, 0);
        room.put(new Item("second", 5), unordered, 0, false, 0);

        assertThat(takeAll(room, 0)).isEmpty();
        assertThat(room.admitNext(item -> {}, 0)).hasToString("first");
        assertThat(takeAll(room, 0)).containsExactly("first");
        assertThat(room.hasUnadmitted()).isTrue();
    }

    @Test
    void withoutATokenARecordWaitsAndOthersGoOn() {
        WaitingRoom<Item> room = room(Overflow.BLOCK);
        tokens.put("red", 1);
        tokens.put("blue", 1);
        put(room, "red 1", 9, "red");
        put(room, "red 2", 9, "red");
        put(room, "red 3", 9, "red");
        put(room, "blue 1", 1, "blue");
        put(room, "free", 0);

        assertThat(takeAll(room, 0)).containsExactly("red 1", "blue 1", "free");
        assertThat(room.isHeldBack()).isTrue();
        assertThat(room.dueAt()).isEqualTo(SECOND);
        tokens.put("red", 2);
        assertThat(takeAll(room, SECOND)).containsExactly("red 2", "red 3");
        assertThat(room.isHeldBack()).isFalse();
    }

    @Test
    void whatIsHeldBackNeedsNoTicketBeforeItIsDue() {
        WaitingRoom<Item> room = room(Overflow.BLOCK);
        tokens.put("red", 0);
        put(room, "red 1", 5, "red");
        put(room, "red 2", 5, "red");
        assertThat(room.issueTickets()).isEqualTo(2);
        assertThat(room.take(0)).isNull();
        assertThat(room.take(0)).isNull();

        assertThat(room.needsTickets()).isFalse();
        put(room, "red 3", 5, "red");
        assertThat(room.needsTickets()).isFalse();
        tokens.put("red", 5);
        room.releaseDue(SECOND);
        assertThat(room.issueTickets()).isEqualTo(1);
        Item first = take(room, SECOND);
        assertThat(first).hasToString("red 1");
        assertThat(first.leavesTicket()).isTrue(); // for the next
        assertThat(room.issueTickets()).isZero();
        Item second = take(room, SECOND);
        assertThat(second).hasToString("red 2");
        assertThat(second.leavesTicket()).isTrue();
        assertThat(take(room, SECOND).leavesTicket()).isFalse();
        put(room, "red 4", 5, "red");
        assertThat(room.issueTickets()).isEqualTo(1);
    }

    @Test
    void aGateThatThrowsUsesTheTicketUp() {
        WaitingRoom<Item> room = room(
                Overflow.BLOCK,
                group -> {
                    throw new AssertionError("of foreign code");
                },
                1);
        put(room, "red", 5, "red");
        assertThat(room.issueTickets()).isEqualTo(1);
        assertThatThrownBy(() -> room.take(0)).isInstanceOf(AssertionError.class);
        put(room, "free", 5);
        assertThat(room.issueTickets()).isEqualTo(1);
        assertThat(take(room, 0)).hasToString("free");
    }

    @Test
    void whoTakesAnotherInPlaceOfWhatItHasNotStartedUsesNoTicketUp() {
        WaitingRoom<Item> room = room(Overflow.BLOCK);
        put(room, "old", 5);
        put(room, "next", 5);
        assertThat(room.issueTickets()).isEqualTo(2);
        assertThat(take(room, 0).leavesTicket()).isFalse(); // the other one is for the other record
        Item instead = room.takeInstead(0);
        assertThat(instead).hasToString("next");
        assertThat(instead.leavesTicket()).isFalse();
        put(room, "third", 5);
        assertThat(room.needsTickets()).isFalse(); // the one that is out will find it
        assertThat(take(room, 0)).hasToString("third");
        put(room, "fourth", 5);
        assertThat(room.issueTickets()).isEqualTo(1);
    }

    @Test
    void severalVictimsAreTheOldestAndNoMoreThanThereAre() {
        WaitingRoom<Item> room = room(Overflow.DROP_OLDEST);
        put(room, "started", 5);
        take(room, 0);
        room.putAll(List.of(new Item("a", 5), new Item("b", 5), new Item("c", 5)), unordered, item -> 0, true, 0);
        List<Item> victims = new ArrayList<>();
        room.takeVictims(new Item("new", 5), 2, victims, 0);
        assertThat(victims).hasToString("[a, b]");
        room.takeVictims(new Item("new", 5), 5, victims, 0);
        assertThat(victims).hasToString("[a, b, c]");
        room.takeVictims(new Item("new", 5), 5, victims, 0);
        assertThat(victims).hasSize(3);
        assertThat(room.size()).isZero();
    }

    @Test
    void aVictimWithoutAPlaceLeavesNobodyWaitingForOne() {
        WaitingRoom<Item> room = room(Overflow.DROP_OLDEST);
        room.put(new Item("without", 5), unordered, 0, false, 0);
        assertThat(room.hasUnadmitted()).isTrue();
        assertThat(victim(room, new Item("new", 5), 0)).hasToString("without");
        assertThat(room.hasUnadmitted()).isFalse();
    }

    @Test
    void whatHasALaneToItselfLeavesItWithoutWaitingForTheLock() throws InterruptedException {
        WaitingRoom<Item> room = room(Overflow.BLOCK);
        put(room, "own", 5);
        Item started = take(room, 0);
        CountDownLatch left = new CountDownLatch(1);
        Thread worker = new Thread(() -> {
            room.leave(started, 0);
            left.countDown();
        });
        room.put(new Item("locks", 5), unordered, 0, false, 0);
        room.admitNext(
                item -> { // under the lock
                    worker.start();
                    try {
                        assertThat(left.await(10, TimeUnit.SECONDS)).isTrue();
                    } catch (InterruptedException e) {
                        throw new IllegalStateException(e);
                    }
                },
                0);
        worker.join();
    }

    @Test
    void othersOfAGroupGoOnWhenTheOneThatWasLetOutIsDropped() {
        WaitingRoom<Item> room = room(Overflow.DROP_OLDEST);
        tokens.put("red", 0);
        put(room, "red 1", 5, "red");
        put(room, "red 2", 5, "red");
        takeAll(room, 0);
        tokens.put("red", 1);
        room.releaseDue(SECOND);

        assertThat(victim(room, new Item("new", 5), SECOND)).hasToString("red 1");
        assertThat(takeAll(room, SECOND)).containsExactly("red 2");
    }

    @Test
    void aPartitionThatLeavesTakesItsRecordsWithItAndNoOthers() {
        WaitingRoom<Item> room = room(Overflow.DROP_OLDEST);
        tokens.put("red", 0);
        put(room, "mine held", 5, "red");
        put(room, "mine", 5);
        put(room, "yours", 5);
        takeOnly(room, "red");
        room.put(new Item("mine too", 5), unordered, 0, false, 0);

        assertThat(room.removeIf(item -> item.name.startsWith("mine"), 0)).hasToString("[mine held, mine, mine too]");
        assertThat(room.size()).isEqualTo(1);
        assertThat(room.isHeldBack()).isFalse();
        assertThat(takeAll(room, 0)).containsExactly("yours");
    }

    @Test
    void whatIsNextInTheLaneOfAStartedOneCanBeStartedWithIt() {
        WaitingRoom<Item> room = room(Overflow.BLOCK);
        tokens.put("red", 1);
        Item first = new Item("a1", 5);
        room.put(first, byKey, "a", true, 0);
        room.put(new Item("a2", 5, "red"), byKey, "a", true, 0);
        room.put(new Item("a3", 5, "red"), byKey, "a", true, 0);
        assertThat(take(room, 0)).isSameAs(first);

        Item second = room.takeBehind(first, 0);
        assertThat(second).hasToString("a2");
        assertThat(room.takeBehind(first, 0)).isNull(); // for want of a token
        assertThat(room.size()).isEqualTo(1);
        assertThat(room.needsTickets()).isFalse();

        tokens.put("red", 1);
        room.leave(first, 0);
        assertThat(room.take(0)).isNull(); // the lane is still held by the second
        room.leave(second, 0);
        assertThat(room.needsTickets()).isTrue();
        assertThat(take(room, 0)).hasToString("a3");
        assertThat(room.takeBehind(second, 0)).isNull();
    }

    @Test
    void whatHasNoPlaceOrNoRateIsStartedBehindAnotherOnlyIfItMayBe() {
        WaitingRoom<Item> room = room(Overflow.BLOCK);
        Item first = new Item("a1", 5);
        room.put(first, byKey, "a", true, 0);
        room.put(new Item("a2", 5), byKey, "a", false, 0);
        take(room, 0);
        assertThat(room.takeBehind(first, 0)).isNull();
        assertThat(room.admitNext(item -> assertThat(item.isAdmitted()).isFalse(), 0)
                        .isAdmitted())
                .isTrue();
        assertThat(room.hasUnadmitted()).isFalse();
        assertThat(room.takeBehind(first, 0)).hasToString("a2");
    }

    @Test
    void theNextOfAGroupIsLetOutWhenTheGateSaysSo() {
        WaitingRoom<Item> room = room(Overflow.BLOCK);
        tokens.put("red", 0);
        put(room, "red 1", 5, "red");
        put(room, "red 2", 5, "red");
        assertThat(room.take(0)).isNull();
        assertThat(room.needsTickets()).isFalse();

        tokens.put("red", 1);
        room.release("red", 0);

        assertThat(room.needsTickets()).isTrue();
        assertThat(takeAll(room, 0)).containsExactly("red 1");
    }

    @Test
    void oneOfEachGroupAsksAnewWhenTheGateGoesByOtherTimes() {
        WaitingRoom<Item> room = room(Overflow.BLOCK);
        put(room, "red 1", 5, "red");
        put(room, "red 2", 5, "red");
        put(room, "blue 1", 5, "blue");
        assertThat(takeAll(room, 0)).isEmpty();
        assertThat(room.needsTickets()).isFalse();

        tokens.putAll(Map.of("red", 1, "blue", 1));
        room.releaseOneOfEach(0);
        assertThat(room.needsTickets()).isTrue();
        assertThat(room.isHeldBack()).isFalse();
        assertThat(takeAll(room, 0)).containsExactly("red 1", "blue 1");
        assertThat(room.isHeldBack()).as("the second red one").isTrue();
    }

    @Test
    void ofTwoGroupsTheOneThatIsDueSoonerIsLetOutFirst() {
        WaitingRoom<Item> room = room(Overflow.BLOCK);
        tokens.put("red", 0);
        tokens.put("blue", 0);
        put(room, "red 1", 5, "red");
        assertThat(room.take(0)).isNull();
        put(room, "blue 1", 5, "blue");
        assertThat(room.take(5)).isNull();
        tokens.put("red", 1);
        tokens.put("blue", 1);

        assertThat(room.dueAt()).isEqualTo(SECOND);
        room.releaseDue(SECOND - 1);
        assertThat(room.needsTickets()).isFalse();
        room.releaseDue(SECOND);
        assertThat(room.issueTickets()).isEqualTo(1);
        assertThat(room.dueAt()).isEqualTo(SECOND + 5);
        room.releaseDue(SECOND + 5);
        assertThat(room.issueTickets()).isEqualTo(1);
        assertThat(room.isHeldBack()).isFalse();
    }

    @Test
    void groupsThatAreDueAtTheSameMomentAreLetOutAlike() {
        WaitingRoom<Item> room = room(Overflow.BLOCK);
        for (String group : List.of("red", "blue", "green")) {
            put(room, group, 5, group);
        }
        assertThat(takeAll(room, 0)).isEmpty();
        tokens.putAll(Map.of("red", 1, "blue", 1, "green", 1));
        assertThat(takeAll(room, SECOND)).containsExactly("red", "blue", "green");
    }

    @Test
    void theLongestWithoutAPlaceGetsItFirstAndIsCountedBefore() {
        WaitingRoom<Item> room = room(Overflow.DROP_OLDEST);
        assertThat(room.hasUnadmitted()).isFalse();
        assertThat(room.admitNext(item -> {}, 0)).isNull();
        room.put(new Item("first", 5), unordered, 0, false, 0);
        put(room, "in between", 5);
        room.put(new Item("second", 5), unordered, 0, false, 0);
        assertThat(room.hasUnadmitted()).isTrue();
        assertThat(room.size()).isEqualTo(3);
        assertThat(room.needsTickets()).isTrue();
        assertThat(room.issueTickets()).isEqualTo(1);
        assertThat(room.needsTickets()).isFalse();
        List<String> counted = new ArrayList<>();

        assertThat(room.admitNext(item -> counted.add(item.name), 0)).hasToString("first");
        assertThat(room.needsTickets()).isTrue();
        assertThat(room.admitNext(item -> counted.add(item.name), 0)).hasToString("second");

        assertThat(counted).containsExactly("first", "second");
        assertThat(room.hasUnadmitted()).isFalse();
        assertThat(room.admitNext(item -> {}, 0)).isNull();
    }

    @Test
    void whatLeavesWithoutAPlaceIsNotGivenOne() {
        WaitingRoom<Item> room = room(Overflow.DROP_OLDEST);
        room.put(new Item("first", 5), unordered, 0, false, 0);
        room.put(new Item("second", 5), unordered, 0, false, 0);
        victim(room, new Item("new", 5), 0);
        assertThat(room.hasUnadmitted()).isTrue();
        room.removeIf(item -> true, 0);
        assertThat(room.hasUnadmitted()).isFalse();
        assertThat(room.size()).isZero();
    }

    @Test
    void theTimeOfItsArrivalIsKept() {
        WaitingRoom<Item> room = room(Overflow.BLOCK);
        Item item = new Item("one", 3);
        room.put(item, unordered, 0, true, 17);
        assertThat(item.acceptedNanos()).isEqualTo(17);
        assertThat(item.priority()).isEqualTo(3);
        assertThat(item.bytes()).isEqualTo(1);
    }

    static Stream<BiConsumer<WaitingRoom<Item>, Item>> calls() {
        return Stream.of(
                (room, started) -> room.put(new Item("new", 5), new WaitingLanes(WaitingLanes.Order.NONE), 0, true, 0),
                (room, started) ->
                        room.putNewest(new Item("new", 5), new WaitingLanes(WaitingLanes.Order.ALL), 0, "a", true, 0),
                (room, started) -> victim(room, new Item("new", 5), 0),
                (room, started) -> {
                    room.removeIf(item -> true, 0);
                    victim(room, new Item("new", 5), 0);
                },
                (room, started) -> room.admitNext(item -> {}, 0),
                (room, started) -> {
                    room.put(new Item("new", 5), new WaitingLanes(WaitingLanes.Order.NONE), 0, false, 0);
                    room.admitNext(item -> {}, 0);
                },
                (room, started) -> room.take(0),
                (room, started) -> room.takeInstead(0),
                (room, started) -> room.takeBehind(started, 0),
                (room, started) -> {
                    room.removeIf(item -> true, 0);
                    room.takeBehind(started, 0);
                },
                (room, started) -> room.leave(started, 0),
                (room, started) -> {
                    room.leave(started, 0);
                    room.leave(started, 0);
                },
                (room, started) -> room.removeIf(item -> true, 0),
                (room, started) -> room.releaseDue(0),
                (room, started) -> room.release("red", 0),
                (room, started) -> room.releaseOneOfEach(0),
                (room, started) -> room.issueTickets(),
                (room, started) -> room.releaseOneOfEach(0),
                (room, started) -> room.putStarted(new Item("new", 5), new WaitingLanes(WaitingLanes.Order.ALL), 0),
                (room, started) -> room.isFree(new WaitingLanes(WaitingLanes.Order.ALL)),
                (room, started) -> room.size());
    }

    @ParameterizedTest
    @MethodSource("calls")
    void noCallKeepsTheLock(BiConsumer<WaitingRoom<Item>, Item> call) {
        WaitingRoom<Item> room = room(Overflow.DROP_OLDEST);
        Item first = new Item("a1", 5);
        room.put(first, byKey, "a", true, 0);
        room.put(new Item("a2", 5), byKey, "a", true, 0);
        take(room, 0);
        call.accept(room, first);
        NotLocked.assertThatNobodyHolds(room::size);
    }

    /** Whatever is done in whatever order: every record leaves once, lanes keep their order, tickets suffice. */
    @Test
    void everyRecordLeavesOnceInTheOrderOfItsLaneWhateverHappens() {
        for (long seed = 0; seed < 300; seed++) {
            randomSchedule(seed);
        }
    }

    private void randomSchedule(long seed) {
        Random random = new Random(seed);
        Overflow overflow = Overflow.values()[random.nextInt(Overflow.values().length)];
        WaitingRoom<Item> room = room(overflow);
        WaitingLanes lanes = new WaitingLanes(WaitingLanes.Order.BY_KEY);
        Set<Item> left = new HashSet<>();
        Map<Object, Item> running = new HashMap<>();
        Map<Object, Integer> lastOfLane = new HashMap<>();
        int tickets = 0;
        int made = 0;
        long now = 0;
        for (int step = 0; step < 300; step++) {
            now += random.nextInt(3) * SECOND / 2;
            tokens.replaceAll((group, count) -> Math.min(2, count + 1));
            switch (random.nextInt(5)) {
                case 0, 1 -> {
                    Integer key = random.nextInt(5);
                    Item item = new Item(made + "", random.nextInt(10), random.nextBoolean() ? key : null);
                    item.number = made++;
                    item.laneKey = key;
                    tokens.putIfAbsent(key, 1);
                    if (random.nextInt(3) == 0) {
                        Item older = room.putNewest(item, lanes, key, key, random.nextInt(4) > 0, now);
                        assertThat(older == null || left.add(older)).isTrue();
                    } else {
                        room.put(item, lanes, key, random.nextInt(4) > 0, now);
                    }
                }
                case 2 -> {
                    Item victim = victim(room, new Item("new", 9), now);
                    assertThat(victim == null || left.add(victim)).isTrue();
                }
                case 3 -> room.admitNext(item -> {}, now);
                default -> {
                    if (!running.isEmpty()) {
                        Item over = running.remove(running.keySet().iterator().next());
                        room.leave(over, now);
                    }
                }
            }
            room.releaseDue(now);
            tickets += room.issueTickets();
            while (tickets > 0 && random.nextInt(3) > 0) {
                tickets--;
                Item started = room.take(now);
                if (started != null) {
                    tickets += started.leavesTicket() ? 1 : 0;
                    assertThat(left.add(started)).as("seed %s", seed).isTrue();
                    assertThat(running.put(started.laneKey, started)).isNull();
                    assertThat(lastOfLane.merge(started.laneKey, started.number, (a, b) -> a < b ? b : -1))
                            .as("seed %s: order of the lane", seed)
                            .isNotEqualTo(-1);
                }
                tickets += room.issueTickets();
            }
        }
        for (int round = 0; round < 1000 && left.size() < made; round++) {
            now += SECOND;
            tokens.replaceAll((group, count) -> 5);
            while (room.admitNext(item -> {}, now) != null) {}
            for (Item over : List.copyOf(running.values())) {
                room.leave(over, now);
            }
            running.clear();
            room.releaseDue(now);
            tickets += room.issueTickets();
            for (; tickets > 0; tickets--) {
                Item started = room.take(now);
                if (started != null) {
                    tickets += started.leavesTicket() ? 1 : 0;
                    assertThat(left.add(started)).isTrue();
                    running.put(started.laneKey, started);
                }
                tickets += room.issueTickets();
            }
        }
        assertThat(left).as("seed %s, %s", seed, overflow).hasSize(made);
        running.values().forEach(over -> room.leave(over, 0));
        assertThat(lanes.size()).isZero();
        assertThat(lanes.newest).isEmpty();
        assertThat(room.isHeldBack()).isFalse();
    }

    private void takeOnly(WaitingRoom<Item> room, String group) {
        Item held = room.take(0); // finds nothing for the group that has no token, and starts the next
        assertThat(held).isNotNull();
        room.leave(held, 0);
        room.put(new Item(held.name, 5), unordered, 0, true, 0);
        assertThat(tokens).containsKey(group);
    }

    private WaitingRoom<Item> room(Overflow overflow) {
        return room(overflow, this::takeToken, 16);
    }

    private long takeToken(Object group) {
        int left = tokens.getOrDefault(group, 0);
        if (left == 0) {
            return SECOND;
        }
        tokens.put(group, left - 1);
        return 0;
    }

    /** @param wait how long a record of a group has to wait, or zero */
    private static WaitingRoom<Item> room(Overflow overflow, ToLongFunction<Object> wait, int mostTickets) {
        return new WaitingRoom<>(
                overflow,
                new Random(7),
                new StartGate<Item>() {
                    @Override
                    public @Nullable Object groupOf(Item record) {
                        return record.group;
                    }

                    @Override
                    public long tryPass(Item record, Object group, long now) {
                        return wait.applyAsLong(group);
                    }
                },
                SECOND,
                mostTickets);
    }

    private void put(WaitingRoom<Item> room, String name, int priority) {
        room.put(new Item(name, priority), unordered, 0, true, 0);
    }

    private void put(WaitingRoom<Item> room, String name, int priority, String group) {
        room.put(new Item(name, priority, group), unordered, 0, true, 0);
    }

    private static @Nullable Item victim(WaitingRoom<Item> room, Item incoming, long now) {
        List<Item> victims = new ArrayList<>();
        room.takeVictims(incoming, 1, victims, now);
        return victims.isEmpty() ? null : victims.get(0);
    }

    private static Item take(WaitingRoom<Item> room, long now) {
        Item taken = room.take(now);
        assertThat(taken).isNotNull();
        return taken;
    }

    private static List<String> takeAll(WaitingRoom<Item> room, long now) {
        List<String> taken = new ArrayList<>();
        for (Item item = room.take(now); item != null; item = room.take(now)) {
            taken.add(item.name);
        }
        return taken;
    }

    static final class Item extends Waiting {

        final String name;

        final @Nullable Object group;

        @Nullable Object laneKey;

        int number;

        Item(String name, int priority) {
            this(name, priority, null);
        }

        Item(String name, int priority, @Nullable Object group) {
            super(priority, 1);
            this.name = name;
            this.group = group;
        }

        @Override
        public String toString() {
            return name;
        }
    }
}
