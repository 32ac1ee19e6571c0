package io.github.kafkabackpressure.producer.spool;

import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.errors.ApiException;
import org.jspecify.annotations.Nullable;

/**
 * What may be logged of what comes from outside: one line, no control characters, of a failure of foreign code no more
 * than its type, as serializers put payloads into their messages.
 *
 * <p>Threading: any thread.
 */
final class LogText {

    private static final int LONGEST = 300;
    private static final int DEEPEST = 5;

    private LogText() {}

    static String of(@Nullable String text) {
        StringBuilder printable = new StringBuilder();
        String.valueOf(text)
                .codePoints()
                .limit(LONGEST)
                .map(letter -> letter >= ' ' && letter < 127 ? letter : '?')
                .forEach(printable::appendCodePoint);
        return printable.toString();
    }

    /** The types of a failure and its causes. */
    static String types(Throwable failure) {
        List<String> types = new ArrayList<>();
        for (@Nullable Throwable cause = failure; cause != null && types.size() < DEEPEST; cause = cause.getCause()) {
            types.add(cause.getClass().getName());
        }
        return String.join(", caused by ", types);
    }

    /** As the types, with the message if it is the cluster's or Kafka's about it. */
    static String ofKafka(Throwable failure) {
        return failure instanceof ApiException && failure.getClass().getName().startsWith("org.apache.kafka.")
                ? failure.getClass().getName() + ": " + of(failure.getMessage())
                : types(failure);
    }
}
