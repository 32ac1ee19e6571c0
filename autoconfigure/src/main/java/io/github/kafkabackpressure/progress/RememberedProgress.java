package io.github.kafkabackpressure.progress;

/**
 * What a commit says of the records beyond its offset: which of them are finished, and by what one knows whether that
 * still holds.
 *
 * <p>Threading: immutable.
 *
 * @param offset the committed offset that it belongs to
 * @param leaderEpoch the newest leader epoch that was seen in the partition, or -1 if none was: a record of a newer one is
 *     not the one that was finished
 * @param topic what tells the topic from another one of its name, or 0 if that is not known
 * @param finished the finished offsets, none below {@code offset}; offsets without a record may be among them
 */
public record RememberedProgress(long offset, int leaderEpoch, long topic, OffsetRanges finished) {

    /** What tells a topic from another one of its name: the halves of its id, XORed. */
    public static long topic(long mostSignificantBits, long leastSignificantBits) {
        return mostSignificantBits ^ leastSignificantBits;
    }
}
