package io.github.kafkabackpressure.buffer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.Overflow;
import java.util.Random;
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
}
