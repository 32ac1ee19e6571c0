package io.github.kafkabackpressure;

/**
 * Headers of a record in the topic {@code dropped-to}, beside those that it had. All values are text in UTF-8, numbers
 * in decimal.
 */
public final class DroppedRecordHeaders {

    /** The topic that it was polled from. */
    public static final String ORIGINAL_TOPIC = "kafka_backpressure_original_topic";

    /** The number of the partition that it was polled from. */
    public static final String ORIGINAL_PARTITION = "kafka_backpressure_original_partition";

    /** Its offset there. */
    public static final String ORIGINAL_OFFSET = "kafka_backpressure_original_offset";

    /** Its timestamp there, in milliseconds since 1970. */
    public static final String ORIGINAL_TIMESTAMP = "kafka_backpressure_original_timestamp";

    /** What dropped it, as the property has it, such as {@code drop-oldest}. */
    public static final String STRATEGY = "kafka_backpressure_drop_strategy";

    /** Why, as {@link DropReason#text()} says it. */
    public static final String REASON = "kafka_backpressure_drop_reason";

    private DroppedRecordHeaders() {}
}
