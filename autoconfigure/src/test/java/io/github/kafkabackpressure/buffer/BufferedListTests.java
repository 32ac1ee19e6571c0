package io.github.kafkabackpressure.buffer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class BufferedListTests {

    private static final class Item extends Buffered {

        Item(int bytes) {
            super(5, bytes);
        }
    }

    private final BufferedList<Item> list = new BufferedList<>();

    @Test
    void recordsLeaveFromAnyPlaceWithTheirBytes() {
        List<Item> items = new ArrayList<>();
        for (int bytes : new int[] {1, 20, 300, 4000, 50000}) {
            Item item = new Item(bytes);
            assertThat(list.holds(item)).isFalse();
            list.append(item);
            assertThat(list.holds(item)).isTrue();
            items.add(item);
        }
        assertIs(items);

        for (int index : new int[] {2, 0, 2, 0, 0}) { // from the middle, the head, the tail, the head, the only one
            Item item = items.remove(index);
            list.remove(item);
            assertThat(list.holds(item)).isFalse();
            assertThat(item.older).isNull();
            assertThat(item.newer).isNull();
            assertIs(items);
        }
        list.append(new Item(7));
        assertThat(list.head()).isSameAs(list.tail());
        assertThat(list.bytes()).isEqualTo(7);
    }

    private void assertIs(List<Item> items) {
        List<Item> forwards = new ArrayList<>();
        for (Item at = list.head(); at != null; at = list.after(at)) {
            forwards.add(at);
        }
        List<Item> backwards = new ArrayList<>();
        for (Item at = list.tail(); at != null; at = list.before(at)) {
            backwards.add(0, at);
        }
        assertThat(forwards).isEqualTo(items);
        assertThat(backwards).isEqualTo(items);
        assertThat(list.records()).isEqualTo(items.size());
        assertThat(list.bytes())
                .isEqualTo(items.stream().mapToInt(Buffered::bytes).sum());
    }

    @Test
    void prioritiesAreZeroToNine() {
        for (int priority : new int[] {0, 9}) {
            assertThat(withPriority(priority).priority()).isEqualTo(priority);
        }
        for (int priority : new int[] {-1, 10}) {
            assertThatIllegalArgumentException().isThrownBy(() -> withPriority(priority));
        }
    }

    private static Buffered withPriority(int priority) {
        return new Buffered(priority, 1) {};
    }
}
