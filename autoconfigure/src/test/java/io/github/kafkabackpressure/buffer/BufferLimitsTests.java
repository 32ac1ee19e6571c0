package io.github.kafkabackpressure.buffer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class BufferLimitsTests {

    @Test
    void bytesHaveASoftLimitOfTheSameShareAsRecords() {
        BufferLimits limits = new BufferLimits(10, 1000, 6, 0);
        assertThat(limits.softBytes()).isEqualTo(600);
        assertThat(limits.calmBytes()).isEqualTo(300);
        assertThat(limits.calmRecords()).isEqualTo(3);
        assertThat(new BufferLimits(10, 1, 1, 0).softBytes()).isEqualTo(1);
    }

    @Test
    void theOutermostValuesAreLegal() {
        assertThat(new BufferLimits(1, 1, 1, 0).shedPriority()).isZero();
        assertThat(new BufferLimits(1, 1, 1, 10).shedPriority()).isEqualTo(10);
        assertThatThrownBy(() -> new BufferLimits(1, 1, 0, 0)).hasMessageContaining("soft-limit' is '0'");
        assertThatThrownBy(() -> new BufferLimits(1, 1, 1, -1)).hasMessageContaining("shed-priority' is '-1'");
    }
}
