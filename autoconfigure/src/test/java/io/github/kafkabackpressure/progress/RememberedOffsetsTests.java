package io.github.kafkabackpressure.progress;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

/** What is remembered of a partition, and what a program says of it. */
class RememberedOffsetsTests {

    private final RememberedOffsets remembered = new RememberedOffsets();

    private static RememberedProgress progress(int epoch, long topic, OffsetRanges finished) {
        return new RememberedProgress(10, epoch, topic, finished);
    }

    private void remember(long... finished) {
        remembered.set(progress(-1, 0, OffsetRanges.of(finished)));
    }

    @Test
    void whatIsMissingIsBeforeAndBetweenTheRanges() {
        assertThat(remembered.missing()).isZero();
        remember(12, 15, 20, 21);
        assertThat(remembered.missing()).isEqualTo(21 - 10 - 4);
        assertThat(remembered.size()).isEqualTo(2);
        assertThat(remembered.end()).isEqualTo(21);
        assertThat(remembered.contains(20)).isTrue();
        assertThat(remembered.size()).isEqualTo(1);
        assertThat(remembered.contains(21)).isFalse();
        assertThat(remembered.size()).isZero();
        assertThat(remembered.missing()).isZero();
        assertThat(remembered.end()).isZero();
    }

    @Test
    void whatIsForgottenWasThere() {
        remember(12, 15, 20, 21);
        assertThat(remembered.forget(21)).isFalse();
        assertThat(remembered.forget(20)).isTrue();
        assertThat(remembered.end()).isEqualTo(15);
        assertThat(remembered.forget(15)).isFalse();
        assertThat(remembered.forget(14)).isTrue();
        assertThat(remembered.contains(13)).isTrue();
        assertThat(remembered.contains(14)).isFalse();
    }

    @Test
    void whatIsLeftIsAddedFromTheOffsetOn() {
        remember(12, 15, 20, 21, 30, 33);
        assertThat(remembered.contains(15)).isFalse();
        OffsetRanges.Builder others = new OffsetRanges.Builder();
        remembered.addTo(others, 21);
        assertThat(others.build()).isEqualTo(OffsetRanges.of(30, 33));
        OffsetRanges.Builder later = new OffsetRanges.Builder();
        remembered.addTo(later, 31);
        assertThat(later.build()).isEqualTo(OffsetRanges.of(31, 33)).isNotEqualTo(OffsetRanges.of(30, 33));
        assertThat(OffsetRanges.of(31, 33)).hasSameHashCodeAs(later.build());
        assertThat(OffsetRanges.of(31, 33).hashCode())
                .isNotEqualTo(OffsetRanges.of(31, 34).hashCode());
    }

    @Test
    void aTopicIsToldFromOthersByBothHalvesOfItsId() {
        assertThat(RememberedProgress.topic(0b1100, 0b1010)).isEqualTo(0b0110);
    }

    private static String printed(RememberedProgress progress, boolean readable) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        String text = CommitMetadata.encode(progress, Integer.MAX_VALUE);
        boolean all = DecodeCommitMetadata.print(
                new String[] {readable ? text : text.substring(0, text.length() - 1)},
                new PrintStream(out, true, StandardCharsets.UTF_8));
        assertThat(all).isEqualTo(readable);
        return out.toString(StandardCharsets.UTF_8);
    }

    @Test
    void theProgramSaysWhatIsThere() {
        assertThat(printed(progress(0, 0, OffsetRanges.of(12, 15)), true))
                .contains(
                        "committed offset: 10",
                        "leader epoch:     0",
                        "topic:            unknown",
                        "3 offsets in 1 ranges")
                .doesNotContain("and more");
        assertThat(printed(progress(-1, 31, OffsetRanges.of(12, 15)), true))
                .contains("epoch:     unknown", "1f (halves");
        assertThat(printed(progress(-1, 31, OffsetRanges.of(12, 15)), false)).startsWith("damaged: ");
        OffsetRanges.Builder ranges = new OffsetRanges.Builder();
        for (int range = 0; range < 1000; range++) {
            ranges.add(12 + 2 * range, 13 + 2 * range);
        }
        assertThat(printed(progress(-1, 0, ranges.build()), true)).doesNotContain("and more");
        ranges.add(5000, 5001);
        assertThat(printed(progress(-1, 0, ranges.build()), true)).contains("and more");
    }
}
