package io.github.kafkabackpressure.listener.consume;

import java.util.Set;

/**
 * What the brokers say that commits go by: which topic a name stands for, and how long metadata may be.
 *
 * <p>Threading: the consumers' threads.
 */
public interface GroupFacts {

    /** How long metadata may be where the broker does not say: its default. */
    int DEFAULT_MAX_METADATA = 4096;

    /** Shorter metadata could not even tell of one gap, and would keep its partition paused most of the time. */
    int LEAST_METADATA = 64;

    /** What is known without asking. */
    static GroupFacts of(int maxMetadata) {
        return new GroupFacts() {
            @Override
            public void learn(Set<String> topics) {}

            @Override
            public long topic(String name) {
                return 0;
            }

            @Override
            public int maxMetadata() {
                return maxMetadata;
            }

            @Override
            public boolean lowerMaxMetadata(int refused) {
                return false;
            }
        };
    }

    /** Looks again which topics some names stand for; waits for the answer, but not for long. */
    void learn(Set<String> topics);

    /** What tells a topic from another one of its name, as of {@link #learn}; 0 if that is not known. */
    long topic(String name);

    /** The most characters of a commit's metadata; 0 if it is not to have any. */
    int maxMetadata();

    /** Whether the broker has refused metadata, so that nobody knows how much it takes. */
    default boolean hasRefused() {
        return false;
    }

    /**
     * Takes in that the broker has refused a commit for its metadata.
     *
     * @param refused how many characters the longest in it had
     * @return whether there is less to try with
     */
    boolean lowerMaxMetadata(int refused);
}
