package io.github.kafkabackpressure.buffer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.Overflow;
import java.util.Random;
import org.junit.jupiter.api.Test;

class WaitingRecordsTests {

    private static final class Item extends Waiting {

        Item(int priority) {
            super(priority, 1);
        }
    }

    private final WaitingRecords records = new WaitingRecords(Overflow.DROP_OLDEST, new Random(1));

    @Test
    void theOneThatWaitsForAPlaceLongestIsFoundAmongThoseThatHaveOne() {
        Item first = add(true);
        Item second = add(false);
        Item third = add(true);
        Item fourth = add(false);
        add(true);
        assertThat(records.hasUnadmitted()).isTrue();
        assertThat(records.firstUnadmitted()).isSameAs(second);

        records.admit(second);
        assertThat(second.isAdmitted()).isTrue();
        assertThat(records.firstUnadmitted()).isSameAs(fourth);
        records.remove(first, Waiting.Stage.STARTED);
        records.remove(third, Waiting.Stage.OUTSIDE);
        assertThat(first.stage).isEqualTo(Waiting.Stage.STARTED);
        assertThat(third.stage).isEqualTo(Waiting.Stage.OUTSIDE);
        assertThat(records.hasUnadmitted()).as("these had a place").isTrue();
        records.remove(fourth, Waiting.Stage.OUTSIDE);
        assertThat(records.hasUnadmitted()).isFalse();
        assertThat(records.firstUnadmitted()).isNull();
        assertThat(records.size()).isEqualTo(2);
    }

    @Test
    void recordsAreCountedInTheOrderInWhichTheyCame() {
        Item first = add(true);
        Item second = add(true);
        assertThat(first.position).isEqualTo(1);
        assertThat(second.position).isEqualTo(2);
        assertThat(second.acceptedNanos()).isEqualTo(70);
        assertThat(second.stage).isEqualTo(Waiting.Stage.WAITS);
        assertThat(records.matching(record -> true)).containsExactly(first, second);
        assertThat(records.matching(record -> record == second)).containsExactly(second);
    }

    @Test
    void whereNothingWaitsNothingIsDropped() {
        assertThat(records.victimFor(new Item(9))).isNull();
        Item first = add(true);
        add(true);
        assertThat(records.victimFor(new Item(0))).isSameAs(first);
        assertThat(records.size()).as("it is only named").isEqualTo(2);
    }

    private Item add(boolean admitted) {
        Item item = new Item(5);
        records.add(item, admitted, 70);
        return item;
    }
}
