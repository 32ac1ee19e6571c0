package io.github.kafkabackpressure.progress;

import java.io.PrintStream;

/**
 * Says in words what the metadata of commits remembers: {@code java -cp <the autoconfigure jar>
 * io.github.kafkabackpressure.progress.DecodeCommitMetadata <text>...}. It needs no other jar.
 *
 * <p>Threading: a program of its own.
 */
public final class DecodeCommitMetadata {

    private static final int MOST_RANGES = 1000;

    private DecodeCommitMetadata() {}

    /** Decodes each argument. The exit code is 1 if one of them is damaged or not ours. */
    public static void main(String[] arguments) {
        if (arguments.length == 0) {
            System.err.println("usage: DecodeCommitMetadata <metadata of a committed offset>...");
            System.exit(2);
        }
        System.exit(print(arguments, System.out) ? 0 : 1);
    }

    static boolean print(String[] texts, PrintStream out) {
        boolean all = true;
        for (String text : texts) {
            // A text of the user's own may stand before ours.
            CommitMetadata.Decoded decoded = CommitMetadata.decode(text.substring(text.lastIndexOf(' ') + 1));
            if (decoded instanceof CommitMetadata.Ours ours) {
                print(ours.progress(), out);
            } else {
                all = false;
                out.println(
                        decoded instanceof CommitMetadata.Damaged damaged
                                ? "damaged: " + damaged.reason()
                                : "not written by Kafka Backpressure");
            }
        }
        return all;
    }

    private static void print(RememberedProgress progress, PrintStream out) {
        OffsetRanges finished = progress.finished();
        out.println("committed offset: " + progress.offset());
        out.println("leader epoch:     " + (progress.leaderEpoch() < 0 ? "unknown" : progress.leaderEpoch()));
        out.println("topic:            "
                + (progress.topic() == 0
                        ? "unknown"
                        : Long.toHexString(progress.topic()) + " (halves of its id, XORed)"));
        out.println("finished beyond:  " + finished.count() + " offsets in " + finished.size() + " ranges");
        out.println(finished.size() <= MOST_RANGES ? finished : finished.first(MOST_RANGES) + " and more");
    }
}
