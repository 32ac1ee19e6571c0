package io.github.kafkabackpressure.buffer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.github.kafkabackpressure.Overflow;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class VictimsTests {

    private static final class Item extends Buffered {

        Item(int priority, int bytes) {
            super(priority, bytes);
        }
    }

    @Test
    void thoseOfLowerPriorityYieldOnlyIfTheyMakeRoomEnough() {
        Victims victims = Victims.of(Overflow.DROP_LOWEST_PRIORITY, () -> null, new Random(1));
        Item low = new Item(2, 30);
        victims.added(low);
        victims.added(new Item(3, 20));
        victims.added(new Item(5, 1000));

        assertThat(victims.canYield(new Item(5, 1), 2, 50)).isTrue();
        assertThat(victims.canYield(new Item(5, 1), 3, 50)).isFalse();
        assertThat(victims.canYield(new Item(5, 1), 2, 51)).isFalse();
        assertThat(victims.canYield(new Item(3, 1), 1, 30)).isTrue();
        assertThat(victims.canYield(new Item(2, 1), 0, 0)).isFalse();

        victims.removed(low);
        assertThat(victims.canYield(new Item(5, 1), 1, 20)).isTrue();
        assertThat(victims.canYield(new Item(5, 1), 2, 0)).isFalse();
        assertThat(victims.canYield(new Item(5, 1), 1, 21)).isFalse();
    }

    @Test
    void byChanceOnlyWhatMayBeDroppedYields() {
        Victims.Oldest.Head none = new Victims.Oldest.Head() {
            @Override
            public Buffered get() {
                return null;
            }

            @Override
            public boolean canYield(int records, long bytes) {
                return records == 1 && bytes == 2;
            }
        };
        Victims random = Victims.of(Overflow.DROP_RANDOM, none, new Random(1));
        assertThat(random.canYield(new Item(5, 1), 1, 2)).isTrue();
        assertThat(random.canYield(new Item(5, 1), 1, 3)).isFalse();
        Victims oldest = Victims.of(Overflow.DROP_OLDEST, none, new Random(1));
        assertThat(oldest.canYield(new Item(5, 1), 1, 2)).isTrue();
        assertThat(oldest.canYield(new Item(5, 1), 2, 2)).isFalse();
    }

    @Test
    void ofTheLowestPriorityTheOldestIsChosenWhateverHasLeftBefore() {
        Victims victims = Victims.of(Overflow.DROP_LOWEST_PRIORITY, () -> null, new Random(1));
        List<Item> items = new ArrayList<>();
        for (int item = 0; item < 5; item++) {
            Item added = new Item(0, 1);
            items.add(added);
            victims.added(added);
        }
        victims.added(new Item(9, 1));
        for (int index : new int[] {2, 0, 2, 0}) { // from the middle, the oldest, the newest, the oldest
            victims.removed(items.remove(index));
            assertThat(victims.choose()).isSameAs(items.get(0));
        }
        Item next = new Item(0, 1);
        victims.added(next);
        victims.removed(items.get(0));
        assertThat(victims.choose()).isSameAs(next);
        victims.removed(next);
        assertThat(victims.choose().priority()).isEqualTo(9);
        victims.removed(victims.choose());
        assertThatIllegalStateException().isThrownBy(victims::choose);
    }

    @Test
    void byChanceEachOfThoseThatAreStillThereIsChosenAndNoOther() {
        Victims victims = Victims.of(Overflow.DROP_RANDOM, () -> null, new Random(1));
        List<Buffered> items = new ArrayList<>();
        for (int item = 0; item < 6; item++) {
            Item added = new Item(5, 1);
            items.add(added);
            victims.added(added);
        }
        for (int index : new int[] {2, 4, 3, 0}) { // each of the second and third has taken the place of the one before
            victims.removed(items.remove(index));
            Set<Buffered> chosen = new HashSet<>();
            for (int choice = 0; choice < 200; choice++) {
                chosen.add(victims.choose());
            }
            assertThat(chosen).containsExactlyInAnyOrderElementsOf(items);
        }
    }

    @Test
    void whereNothingMayBeDroppedNothingIsChosen() {
        for (Overflow overflow : List.of(Overflow.BLOCK, Overflow.REJECT, Overflow.DROP_NEWEST)) {
            Victims victims = Victims.of(overflow, () -> new Item(0, 1), new Random(1));
            assertThat(victims.canYield(new Item(9, 1), 0, 0)).isFalse();
            assertThatIllegalStateException().isThrownBy(victims::choose);
        }
        Victims oldest = Victims.of(Overflow.DROP_OLDEST, () -> null, new Random(1));
        assertThatIllegalStateException().isThrownBy(oldest::choose);
    }
}
