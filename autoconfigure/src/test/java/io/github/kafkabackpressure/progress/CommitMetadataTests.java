package io.github.kafkabackpressure.progress;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.progress.CommitMetadata.Damaged;
import io.github.kafkabackpressure.progress.CommitMetadata.Foreign;
import io.github.kafkabackpressure.progress.CommitMetadata.Ours;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.BitSet;
import java.util.Random;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CommitMetadataTests {

    private static final int BROKERS_DEFAULT = 4096;

    private static final int UNLIMITED = Integer.MAX_VALUE;

    private static RememberedProgress progress(long offset, OffsetRanges finished) {
        return new RememberedProgress(offset, 7, 0x123456789abcdef0L, finished);
    }

    private static OffsetRanges ranges(BitSet finished, long base) {
        OffsetRanges.Builder ranges = new OffsetRanges.Builder();
        finished.stream().forEach(bit -> ranges.add(base + bit, base + bit + 1));
        return ranges.build();
    }

    private static RememberedProgress decoded(String text) {
        assertThat(CommitMetadata.decode(text)).as(text).isInstanceOf(Ours.class);
        return ((Ours) CommitMetadata.decode(text)).progress();
    }

    private static void comesBack(RememberedProgress progress) {
        String text = CommitMetadata.encode(progress, UNLIMITED);
        assertThat(text).matches("kbp1[A-Za-z0-9_-]+");
        assertThat(decoded(text)).isEqualTo(progress);
    }

    @Test
    void whatIsFinishedComesBackWhateverItsPattern() {
        Random random = new Random(1);
        for (int round = 0; round < Rounds.of(3_000); round++) {
            BitSet finished = new BitSet();
            int width = 1 + random.nextInt(round % 10 == 0 ? 20_000 : 300);
            double share = random.nextDouble();
            int period = 1 + random.nextInt(20);
            int pattern = random.nextInt(3);
            for (int bit = 0; bit < width; bit++) {
                if (pattern == 0
                        ? random.nextDouble() < share
                        : pattern == 1 ? bit % period > period / 3 : random.nextInt(width) < bit) {
                    finished.set(bit);
                }
            }
            finished.set(width);
            long base = random.nextBoolean() ? random.nextInt(1000) : random.nextLong(Long.MAX_VALUE - 100_000);
            int epoch = random.nextBoolean() ? -1 : random.nextInt(Integer.MAX_VALUE);
            long topic = random.nextBoolean() ? 0 : random.nextLong();
            comesBack(new RememberedProgress(base, epoch, topic, ranges(finished, base)));
        }
    }

    @Test
    void hugeGapsAndRunsComeBack() {
        comesBack(progress(5, OffsetRanges.of(6, 1L << 62)));
        comesBack(progress(5, OffsetRanges.of(5, 6)));
        comesBack(progress(0, OffsetRanges.of(1L << 61, Long.MAX_VALUE)));
        comesBack(progress(0, OffsetRanges.of(0, 1, Long.MAX_VALUE - 1, Long.MAX_VALUE)));
        comesBack(progress(Long.MAX_VALUE - 9, OffsetRanges.of(Long.MAX_VALUE - 8, Long.MAX_VALUE - 3)));
        OffsetRanges.Builder mixed = new OffsetRanges.Builder();
        long at = 0;
        for (int range = 0; range < 400; range++) {
            at += 1 + (1L << range % 40);
            mixed.add(at, at + (1L << range % 31));
            at += 1L << range % 31;
        }
        comesBack(progress(0, mixed.build()));
    }

    @Test
    void oneGapTakesAtMost64CharactersHoweverLong() {
        for (int bits = 0; bits < 61; bits++) {
            for (long base : new long[] {0, 1L << 40, 1L << 61}) {
                RememberedProgress progress = new RememberedProgress(
                        base,
                        Integer.MAX_VALUE,
                        -1,
                        OffsetRanges.of(base + (1L << bits), base + (1L << bits) + (1L << 61)));
                assertThat(CommitMetadata.encode(progress, 64)).isNotEmpty();
            }
        }
    }

    @ParameterizedTest
    @ValueSource(doubles = {0.001, 0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99})
    void randomGapsTakeAtMostABitAnOffset(double share) {
        Random random = new Random(2);
        BitSet finished = new BitSet();
        for (int bit = 1; bit < 100_000; bit++) {
            finished.set(bit, random.nextDouble() < share);
        }
        finished.set(100_000);
        int bytes = RangesCodec.encode(ranges(finished, 9), 9).bytes().length;
        double entropy = -(share * Math.log(share) + (1 - share) * Math.log(1 - share)) / Math.log(2);
        assertThat(8.0 * bytes / 100_000).isLessThanOrEqualTo(Math.min(1.0001, entropy * 1.2 + 0.01));
    }

    @Test
    void patternsThatRepeatAreCompressed() {
        BitSet everyThird = new BitSet();
        for (int bit = 1; bit <= 30_000; bit += 3) {
            everyThird.set(bit);
        }
        assertThat(CommitMetadata.encode(progress(0, ranges(everyThird, 0)), UNLIMITED))
                .hasSizeLessThan(200);
    }

    @Test
    void whatDoesNotFitLosesItsNewestRanges() {
        Random random = new Random(3);
        BitSet finished = new BitSet();
        for (int bit = 1; bit < 100_000; bit++) {
            finished.set(bit, random.nextBoolean());
        }
        OffsetRanges all = ranges(finished, 0);
        String text = CommitMetadata.encode(progress(0, all), BROKERS_DEFAULT);
        assertThat(text).hasSizeLessThanOrEqualTo(BROKERS_DEFAULT).hasSizeGreaterThan(BROKERS_DEFAULT / 4);
        OffsetRanges kept = decoded(text).finished();
        assertThat(all.below(kept.end())).isEqualTo(kept);
        assertThat(CommitMetadata.encode(progress(0, all), 10)).isEmpty();
    }

    @Test
    void nothingNeedsMoreThanTheBoundSays() {
        Random random = new Random(4);
        for (int round = 0; round < Rounds.of(2_000); round++) {
            int width = 1 + random.nextInt(20_000);
            int gaps = 1 + random.nextInt(Math.min(width, 2_000));
            BitSet finished = new BitSet();
            finished.set(0, width);
            for (int gap = 0; gap < gaps; gap++) {
                int run = random.nextInt(4) == 0 ? gap : random.nextInt(width); // clustered, or anywhere
                finished.clear(Math.min(run, width - 1));
            }
            int missing = width - finished.cardinality();
            OffsetRanges ranges = ranges(finished, 0);
            assertThat((long) CommitMetadata.encode(progress(0, ranges), UNLIMITED)
                            .length())
                    .isLessThanOrEqualTo(CommitMetadata.mostCharacters(missing, missing, width));
        }
    }

    @Test
    void whatOthersWroteIsForeign() {
        for (String text : new String[] {null, "", "kbp", "bm9uZQ==", "hello", "KBP1AAAA", "kbp2AAAAAAAA"}) {
            assertThat(CommitMetadata.decode(text)).isInstanceOf(Foreign.class);
        }
    }

    @Test
    void everyDamageIsFound() {
        String text = CommitMetadata.encode(progress(5, OffsetRanges.of(6, 90, 100, 3000)), UNLIMITED);
        for (int at = CommitMetadata.TAG.length(); at < text.length(); at++) {
            for (char other : new char[] {'A', 'b', '_', '9', ' ', '\u00e4', '\uffff'}) {
                String changed = text.substring(0, at) + other + text.substring(at + 1);
                if (CommitMetadata.decode(changed) instanceof Ours ours) {
                    assertThat(ours.progress()).isEqualTo(decoded(text)); // Base64's unused last bits
                }
            }
            assertThat(CommitMetadata.decode(text.substring(0, at))).isInstanceOf(Damaged.class);
        }
    }

    @Test
    void arbitraryBytesWithAGoodChecksumThrowNothingAndStaySmall() {
        Random random = new Random(5);
        for (int round = 0; round < Rounds.of(200_000); round++) {
            byte[] content = new byte[1 + random.nextInt(round % 100 == 0 ? 3_000 : 40)];
            random.nextBytes(content);
            content[0] = (byte) random.nextInt(0x30);
            if (random.nextInt(4) == 0) {
                java.util.Arrays.fill(content, 1, content.length, (byte) random.nextInt());
            }
            CommitMetadata.Decoded decoded = CommitMetadata.decode(text(content));
            if (decoded instanceof Ours ours) {
                assertThat((long) ours.progress().finished().size())
                        .isLessThanOrEqualTo(Math.max(4L * content.length, 8L * RangesCodec.MOST_UNCOMPRESSED));
                String again = CommitMetadata.encode(ours.progress(), UNLIMITED);
                if (!again.isEmpty()) {
                    assertThat(decoded(again)).isEqualTo(ours.progress());
                }
            } else {
                assertThat(decoded).isInstanceOf(Damaged.class);
            }
        }
    }

    @Test
    void aBombIsNotUnpacked() {
        java.util.zip.Deflater deflater = new java.util.zip.Deflater(9, true);
        deflater.setInput(new byte[50_000_000]);
        deflater.finish();
        byte[] bomb = new byte[100_000];
        int length = deflater.deflate(bomb, 2, bomb.length - 2) + 2;
        deflater.end();
        bomb[0] = (byte) RangesCodec.Encoding.DEFLATED_BITMAP.ordinal();
        assertThat(CommitMetadata.decode(text(java.util.Arrays.copyOf(bomb, length))))
                .isEqualTo(new Damaged("it cannot be decompressed"));
    }

    private static String text(byte[] content) {
        CRC32C checksum = new CRC32C();
        checksum.update(content);
        byte[] all = java.nio.ByteBuffer.allocate(4 + content.length)
                .putInt((int) checksum.getValue())
                .put(content)
                .array();
        return CommitMetadata.TAG + Base64.getUrlEncoder().withoutPadding().encodeToString(all);
    }

    /** The example of docs/commit-metadata.md. */
    @Test
    void theFormatIsWhatTheDocumentSays() {
        RememberedProgress progress = new RememberedProgress(5, 2, 0, OffsetRanges.of(6, 10_006, 10_008, 10_009));
        String text = CommitMetadata.encode(progress, UNLIMITED);
        assertThat(text).isEqualTo(EXAMPLE);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        boolean ours = DecodeCommitMetadata.print(
                new String[] {"the user's text " + text, "other"}, new PrintStream(out, true, StandardCharsets.UTF_8));
        assertThat(ours).isFalse();
        assertThat(out.toString(StandardCharsets.UTF_8).replace("\r", "")).isEqualTo("""
                        committed offset: 5
                        leader epoch:     2
                        topic:            unknown
                        finished beyond:  10001 offsets in 2 ranges
                        [6-10005, 10008]
                        not written by Kafka Backpressure
                        """);
    }

    private static final String EXAMPLE = "kbp1Zk8erBAFAgGQTgIB";
}
