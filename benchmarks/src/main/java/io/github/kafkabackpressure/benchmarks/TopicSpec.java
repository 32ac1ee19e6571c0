package io.github.kafkabackpressure.benchmarks;

/**
 * A topic to fill.
 *
 * @param partitions its partitions
 * @param records records in all
 * @param recordBytes the length of each value in bytes
 * @param keys distinct keys
 * @param distribution how often each key comes
 * @param values what values look like
 * @param compression Kafka's {@code compression.type}
 */
record TopicSpec(
        int partitions,
        long records,
        int recordBytes,
        int keys,
        Distribution distribution,
        Values values,
        String compression) {

    enum Values {
        /** One letter again and again. */
        TEXT,
        /** An object with two short fields and a long one. */
        JSON,
        /** Text of which little comes twice. */
        WORDS
    }

    enum Distribution {
        /** Every key as often as any other. */
        UNIFORM,
        /** Zipf's law, s = 1.0: the n-th key comes an n-th as often as the first. */
        ZIPF,
        /** All records in partition 0, keys uniform. */
        ONE_PARTITION
    }

    TopicSpec withRecords(long newRecords) {
        return new TopicSpec(partitions, newRecords, recordBytes, keys, distribution, values, compression);
    }

    TopicSpec withKeys(int newKeys) {
        return new TopicSpec(partitions, records, recordBytes, newKeys, distribution, values, compression);
    }

    TopicSpec withPartitions(int newPartitions) {
        return new TopicSpec(newPartitions, records, recordBytes, keys, distribution, values, compression);
    }

    TopicSpec withDistribution(Distribution newDistribution) {
        return new TopicSpec(partitions, records, recordBytes, keys, newDistribution, values, compression);
    }

    TopicSpec withRecordBytes(int newRecordBytes) {
        return new TopicSpec(partitions, records, newRecordBytes, keys, distribution, values, compression);
    }

    TopicSpec withValues(Values newValues) {
        return new TopicSpec(partitions, records, recordBytes, keys, distribution, newValues, compression);
    }

    TopicSpec withCompression(String newCompression) {
        return new TopicSpec(partitions, records, recordBytes, keys, distribution, values, newCompression);
    }

    String describe() {
        String how = switch (distribution) {
            case UNIFORM -> String.format("%d partitions, %,d keys (uniform)", partitions, keys);
            case ZIPF -> String.format("%d partitions, %,d keys (Zipf, s = 1.0)", partitions, keys);
            case ONE_PARTITION -> String.format("%d partitions, all records in one, %,d keys", partitions, keys);
        };
        String what = switch (values) {
            case TEXT -> "B";
            case JSON -> "B of JSON";
            case WORDS -> "B of text";
        };
        return String.format(
                "%s, %,d %s%s", how, recordBytes, what, compression.equals("none") ? "" : ", " + compression);
    }
}
