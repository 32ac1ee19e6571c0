package io.github.kafkabackpressure.progress;

import io.github.kafkabackpressure.progress.BitsReader.DamagedException;
import io.github.kafkabackpressure.progress.RangesCodec.Encoding;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * The text by which a commit remembers what is finished beyond its offset. It begins with a tag that says whose it is, and
 * has a checksum, so that neither another client's text nor a damaged one of ours is believed.
 * {@code docs/commit-metadata.md} has it byte for byte.
 *
 * <p>Threading: any; without state.
 */
public final class CommitMetadata {

    /** What the text begins with, its version included. */
    public static final String TAG = "kbp1";

    private static final int HAS_EPOCH = 0x10;

    private static final int HAS_TOPIC = 0x20;

    private static final int ENCODING_MASK = 0x0f;

    /** Bytes besides the ranges, at most: checksum, flags, offset, epoch, topic. */
    private static final int MOST_HEADER_BYTES = 4 + 1 + 9 + 5 + 8;

    /** Texts that are longer are not looked at; no broker that is in its senses accepts them. */
    private static final int LONGEST_TEXT = 1 << 20;

    private CommitMetadata() {}

    /** What a text was found to be. */
    public sealed interface Decoded permits Ours, Foreign, Damaged {}

    /** A text that was written here. */
    public record Ours(RememberedProgress progress) implements Decoded {}

    /** No text, or one that somebody else has written. */
    public record Foreign() implements Decoded {}

    /**
     * A text with our tag that is not as it was written.
     *
     * @param reason why
     */
    public record Damaged(String reason) implements Decoded {}

    /**
     * Writes what is remembered. Where that is too long, the newest ranges are left out: their records come again.
     *
     * @param longest the most characters, all of them ASCII
     * @return the text, or an empty one if nothing is finished or nothing fits
     */
    public static String encode(RememberedProgress progress, int longest) {
        OffsetRanges ranges = progress.finished();
        while (!ranges.isEmpty()) {
            String text = text(progress, ranges);
            if (text.length() <= longest) {
                return text;
            }
            ranges = ranges.first(ranges.size() / 2);
        }
        return "";
    }

    /**
     * The most characters that {@link #encode} needs.
     *
     * @param gaps the most gaps before and between the ranges
     * @param missing the most offsets in these gaps
     * @param width how many offsets there are from the committed one to the end of the last range
     */
    public static long mostCharacters(long gaps, long missing, long width) {
        return TAG.length() + (MOST_HEADER_BYTES + RangesCodec.mostBytes(gaps, missing, width)) * 4 / 3 + 2;
    }

    @SuppressWarnings("EnumOrdinal") // the order of the encodings is the format's: new ones come last
    private static String text(RememberedProgress progress, OffsetRanges ranges) {
        RangesCodec.Encoded encoded = RangesCodec.encode(ranges, progress.offset());
        Bits bits = new Bits();
        boolean hasEpoch = progress.leaderEpoch() >= 0;
        boolean hasTopic = progress.topic() != 0;
        bits.writeByte(encoded.encoding().ordinal() | (hasEpoch ? HAS_EPOCH : 0) | (hasTopic ? HAS_TOPIC : 0));
        bits.writeNumber(progress.offset());
        if (hasEpoch) {
            bits.writeNumber(progress.leaderEpoch());
        }
        if (hasTopic) {
            bits.writeLong(progress.topic());
        }
        bits.write(encoded.bytes());
        byte[] content = bits.toBytes();
        long checksum = checksum(content, 0);
        byte[] all = new byte[content.length + 4];
        for (int at = 0; at < 4; at++) {
            all[at] = (byte) (checksum >>> (24 - 8 * at));
        }
        System.arraycopy(content, 0, all, 4, content.length);
        return TAG + Base64.getUrlEncoder().withoutPadding().encodeToString(all);
    }

    private static long checksum(byte[] bytes, int from) {
        CRC32C checksum = new CRC32C();
        checksum.update(bytes, from, bytes.length - from);
        return checksum.getValue();
    }

    /** Reads a commit's text. It throws nothing, whatever the text is, and needs no more memory than some times that. */
    public static Decoded decode(@Nullable String text) {
        if (text == null || !text.startsWith(TAG)) {
            return new Foreign();
        }
        try {
            return new Ours(read(text));
        } catch (DamagedException e) {
            return new Damaged(String.valueOf(e.getMessage()));
        }
    }

    @SuppressWarnings("EnumOrdinal") // the order of the encodings is the format's: new ones come last
    private static RememberedProgress read(String text) throws DamagedException {
        if (text.length() > LONGEST_TEXT) {
            throw new DamagedException("it is too long");
        }
        byte[] bytes = bytes(text);
        if (bytes.length < 5) {
            throw new DamagedException("it ends too early");
        }
        BitsReader reader = new BitsReader(bytes);
        long checksum = 0;
        for (int at = 0; at < 4; at++) {
            checksum = checksum << 8 | reader.readByte();
        }
        if (checksum != checksum(bytes, 4)) {
            throw new DamagedException("its checksum is wrong");
        }
        int flags = reader.readByte();
        int encoding = flags & ENCODING_MASK;
        if (encoding >= Encoding.values().length || (flags & ~(ENCODING_MASK | HAS_EPOCH | HAS_TOPIC)) != 0) {
            throw new DamagedException("it is written in an unknown way");
        }
        long offset = reader.readNumber();
        long epoch = (flags & HAS_EPOCH) == 0 ? -1 : reader.readNumber();
        if (epoch > Integer.MAX_VALUE) {
            throw new DamagedException("a number is too large");
        }
        long topic = (flags & HAS_TOPIC) == 0 ? 0 : reader.readLong();
        OffsetRanges finished = RangesCodec.decode(Encoding.values()[encoding], reader.rest(), offset);
        return new RememberedProgress(offset, (int) epoch, topic, finished);
    }

    private static byte[] bytes(String text) throws DamagedException {
        try {
            return Base64.getUrlDecoder().decode(text.substring(TAG.length()).getBytes(StandardCharsets.ISO_8859_1));
        } catch (IllegalArgumentException e) {
            throw new DamagedException("it is not Base64");
        }
    }
}
