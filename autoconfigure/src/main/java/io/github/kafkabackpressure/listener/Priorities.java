package io.github.kafkabackpressure.listener;

import java.util.Map;
import org.apache.commons.logging.LogFactory;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;
import org.jspecify.annotations.Nullable;
import org.springframework.core.log.LogAccessor;

/**
 * What records are worth, from 0 to 9: what the header says, else the expression, else the topic's priority, else the
 * default. What is out of range is cut, what cannot be read counts as not said.
 *
 * <p>Threading: the consumers' threads.
 */
final class Priorities {

    private static final LogAccessor LOG = new LogAccessor(LogFactory.getLog(Priorities.class));

    private final String header;

    private final @Nullable RecordExpression expression;

    private final Map<String, Integer> ofTopics;

    private final int usual;

    Priorities(OverloadOptions options) {
        this.header = options.priorityHeader();
        this.expression = options.priority() == null ? null : new RecordExpression("priority", options.priority(), LOG);
        this.ofTopics = options.topicPriority();
        this.usual = options.defaultPriority();
    }

    int of(ConsumerRecord<?, ?> record) {
        int said = ofHeader(record.headers().lastHeader(header));
        if (said >= 0) {
            return said;
        }
        Long evaluated = expression == null ? null : expression.evaluate(record);
        if (evaluated != null) {
            return (int) Math.max(0, Math.min(9, evaluated));
        }
        return ofTopics.isEmpty() ? usual : ofTopics.getOrDefault(record.topic(), usual);
    }

    /** A decimal digit, or one byte; -1 if it is neither. */
    private static int ofHeader(@Nullable Header found) {
        byte[] value = found == null ? null : found.value();
        if (value == null || value.length != 1) {
            return -1;
        }
        int digit = value[0] >= '0' && value[0] <= '9' ? value[0] - '0' : value[0];
        return digit >= 0 && digit <= 9 ? digit : -1;
    }
}
