package io.github.kafkabackpressure.producer;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class BlockedSendsTests {

    private final AtomicLong now = new AtomicLong(Long.MAX_VALUE - 5);

    private final BlockedSends blocked = new BlockedSends(now::get);

    @Test
    void theWaitsOfAllAreAddedUpAndThoseThatLastAreAmongThem() {
        now.addAndGet(100);
        assertThat(blocked.nanos()).isZero();
        blocked.begins();
        now.addAndGet(10);
        blocked.begins();
        now.addAndGet(1);
        assertThat(blocked.nanos()).isEqualTo(12);
        assertThat(blocked.waiting()).isEqualTo(2);
        blocked.ends();
        now.addAndGet(5);
        assertThat(blocked.nanos()).isEqualTo(17);
        blocked.ends();
        now.addAndGet(1000);
        assertThat(blocked.nanos()).isEqualTo(17);
        assertThat(blocked.count()).isEqualTo(2);
        assertThat(blocked.waiting()).isZero();
    }

    @Test
    void aClockThatAnotherThreadHasReadEarlierTakesNothingBack() {
        blocked.begins();
        now.addAndGet(10);
        assertThat(blocked.nanos()).isEqualTo(10);
        now.addAndGet(-3);
        assertThat(blocked.nanos()).isEqualTo(10);
        now.addAndGet(4);
        assertThat(blocked.nanos()).isEqualTo(11);
    }
}
