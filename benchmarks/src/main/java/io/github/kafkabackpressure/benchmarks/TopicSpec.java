package io.github.kafkabackpressure.benchmarks;

/**
 * A topic to fill.
 *
 * @param partitions its partitions
 * @param records records in all
 * @param recordBytes the length of each value in bytes
 * @param keys distinct keys
 * @param distribution how often each key comes
 */
record TopicSpec(int partitions, long records, int recordBytes, int keys, Distribution distribution) {

    enum Distribution {
        /** Every key as often as any other. */
        UNIFORM,
        /** Zipf's law, s = 1.0: the n-th key comes an n-th as often as the first. */
        ZIPF,
        /** All records in partition 0, keys uniform. */
        ONE_PARTITION
    }

    TopicSpec withRecords(long newRecords) {
        return new TopicSpec(partitions, newRecords, recordBytes, keys, distribution);
    }

    TopicSpec withKeys(int newKeys) {
        return new TopicSpec(partitions, records, recordBytes, newKeys, distribution);
    }

    TopicSpec withPartitions(int newPartitions) {
        return new TopicSpec(newPartitions, records, recordBytes, keys, distribution);
    }

    TopicSpec withDistribution(Distribution newDistribution) {
        return new TopicSpec(partitions, records, recordBytes, keys, newDistribution);
    }

    TopicSpec withRecordBytes(int newRecordBytes) {
        return new TopicSpec(partitions, records, newRecordBytes, keys, distribution);
    }

    String describe() {
        return switch (distribution) {
            case UNIFORM -> String.format("%d partitions, %,d keys (uniform), %,d B", partitions, keys, recordBytes);
            case ZIPF -> String.format("%d partitions, %,d keys (Zipf, s = 1.0), %,d B", partitions, keys, recordBytes);
            case ONE_PARTITION ->
                String.format("%d partitions, all records in one, %,d keys, %,d B", partitions, keys, recordBytes);
        };
    }
}
