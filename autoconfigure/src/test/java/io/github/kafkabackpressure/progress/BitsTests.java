package io.github.kafkabackpressure.progress;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.kafkabackpressure.progress.BitsReader.DamagedException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is written comes back, at the edges of what fits into bytes and words. */
class BitsTests {

    @ParameterizedTest
    @CsvSource({
        "0, 1",
        "1, 1",
        "127, 1",
        "128, 2",
        "16383, 2",
        "16384, 3",
        "2097151, 3",
        "2097152, 4",
        "9223372036854775807, 9"
    })
    void aNumberTakesAByteForSevenBits(long number, int bytes) throws DamagedException {
        Bits bits = new Bits();
        bits.writeNumber(number);
        assertThat(bits.toBytes()).hasSize(bytes);
        assertThat(Bits.bytesOfNumber(number)).isEqualTo(bytes);
        assertThat(new BitsReader(bits.toBytes()).readNumber()).isEqualTo(number);
    }

    @Test
    void riceNumbersComeBackOneAfterTheOther() throws DamagedException {
        long[] values = {0, 1, 31, 32, 33, 63, 64, 65, 100};
        Bits bits = new Bits();
        for (int k = 0; k < 40; k++) {
            for (long value : values) {
                bits.writeRice(value << k | (k == 0 ? 0 : 1), k);
            }
        }
        BitsReader reader = new BitsReader(bits.toBytes());
        for (int k = 0; k < 40; k++) {
            for (long value : values) {
                assertThat(reader.readRice(k)).isEqualTo(value << k | (k == 0 ? 0 : 1));
            }
        }
        assertThat(reader.left()).isLessThanOrEqualTo(1);
    }

    @Test
    void bytesOfAnyLengthAreWrittenBehindOthers() throws DamagedException {
        for (int length = 0; length < 200; length++) {
            Bits bits = new Bits();
            bits.writeByte(7);
            bits.write(new byte[length]);
            bits.writeByte(9);
            assertThat(bits.toBytes()).hasSize(length + 2).startsWith(7).endsWith(9);
            assertThat(new BitsReader(bits.toBytes()).left()).isEqualTo(length + 2);
        }
    }

    @Test
    void aRiceNumberThatFitsIntoNoLongIsDamaged() throws DamagedException {
        Bits largest = new Bits();
        largest.writeRice(1, 62);
        assertThat(new BitsReader(largest.toBytes()).readRice(62)).isEqualTo(1);
        Bits tooLarge = new Bits();
        tooLarge.writeBits(0b0111, 4); // three ones and a zero
        tooLarge.writeBits(0, 62);
        assertThatThrownBy(() -> new BitsReader(tooLarge.toBytes()).readRice(62))
                .isInstanceOf(DamagedException.class);
    }

    /** As its parts are: a tag, a header, and a bitmap or Golomb's code, by three bytes for four characters. */
    @ParameterizedTest
    @CsvSource({"0, 0, 0", "1, 1, 100", "10, 10, 100000", "1000, 50000, 60000", "4294967297, 0, 9000000000000"})
    void theBoundIsTheSmallerOfBothCodesWithTheirHeader(long gaps, long missing, long width) {
        long mean = width / Math.max(1, gaps);
        int k = mean < 1 ? 1 : Long.toBinaryString(mean).length();
        long counted = Math.min(gaps, 4_294_967_296L);
        long ofRice = 12 + (counted * k + counted * 4 + missing) / 8;
        long ofBitmap = width / 8 + 1;
        assertThat(RangesCodec.mostBytes(gaps, missing, width)).isEqualTo(Math.min(ofRice, ofBitmap));
        long header = (CommitMetadata.mostCharacters(0, 0, 0) - CommitMetadata.TAG.length() - 2) * 3 / 4 - 1;
        assertThat(header).isBetween(20L, 40L);
        assertThat(CommitMetadata.mostCharacters(gaps, missing, width))
                .isBetween(
                        CommitMetadata.TAG.length() + (header + Math.min(ofRice, ofBitmap)) * 4 / 3,
                        CommitMetadata.TAG.length() + (header + 2 + Math.min(ofRice, ofBitmap)) * 4 / 3 + 3);
    }

    @Test
    void aTrackersBoundCountsWhatMayYetCome() {
        OffsetTracker tracker = new OffsetTracker(-1);
        tracker.remember(new RememberedProgress(100, -1, 0, OffsetRanges.of(110, 120, 130, 140)));
        for (int record = 0; record < 5; record++) {
            tracker.register(100 + record);
        }
        tracker.finish(3);
        long changes = tracker.changes();
        assertThat(tracker.mostCharacters(7))
                .isEqualTo(CommitMetadata.mostCharacters(4 + 7 + 2, 4 + 7 + (10 + 10), 140 + 7 - 100));
        tracker.finish(3);
        assertThat(tracker.changes()).isEqualTo(changes);
        tracker.finish(4);
        assertThat(tracker.changes()).isNotEqualTo(changes);
        tracker.forget(135);
        assertThat(tracker.changes()).isEqualTo(changes + 2);
    }

    @Test
    void aRecordIsFinishedOnce() {
        FinishedRing ring = new FinishedRing();
        assertThat(ring.add(3)).isZero();
        assertThat(ring.finish(1)).isTrue();
        assertThat(ring.finish(1)).isFalse();
        assertThat(ring.finish(0)).isTrue();
        assertThat(ring.head()).isEqualTo(2);
        assertThat(ring.finish(0)).isFalse();
        assertThat(ring.unfinished()).isEqualTo(1);
    }

    @Test
    void aTaskHandlesOneRecordATurnAndIsStartedWithTheOneThatWaitsForIt() {
        TestTask first = new TestTask(1);
        TestTask second = new TestTask(2);
        assertThat(first.takeSuccessor()).isNull();
        assertThat(first.append(second)).isTrue();
        assertThat(first.takeSuccessor()).isSameAs(second);
        assertThat(first.recordsInTurn()).isEqualTo(1);
        assertThat(Math.abs(LaneTask.lane(1) - LaneTask.lane(0))).isGreaterThan(1000);
    }
}
