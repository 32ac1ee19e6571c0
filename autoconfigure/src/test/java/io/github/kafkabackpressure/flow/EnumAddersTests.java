package io.github.kafkabackpressure.flow;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.Ordering;
import java.util.Map;
import org.junit.jupiter.api.Test;

class EnumAddersTests {

    private final EnumAdders<Ordering> adders = new EnumAdders<>(Ordering.class);

    @Test
    void eachConstantHasItsOwnSum() {
        adders.add(Ordering.KEY, 2);
        adders.add(Ordering.KEY, 3);
        adders.add(Ordering.PARTITION, 7);

        assertThat(adders.sum(Ordering.KEY)).isEqualTo(5);
        assertThat(adders.sum(Ordering.UNORDERED)).isZero();
        assertThat(adders.sum()).isEqualTo(12);
        assertThat(adders.sums()).isEqualTo(Map.of(Ordering.KEY, 5L, Ordering.PARTITION, 7L, Ordering.UNORDERED, 0L));
    }
}
