package io.github.kafkabackpressure.producer;

import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.errors.ApiException;
import org.apache.kafka.common.errors.SerializationException;
import org.jspecify.annotations.Nullable;

/**
 * Says in a log what failed without saying what was sent: messages of serializers, converters and the like hold keys and
 * values. Only those of Kafka's own errors are shown.
 *
 * <p>Threading: any thread.
 */
final class Failures {

    private static final int MOST = 5;

    private Failures() {}

    static String describe(@Nullable Throwable failure) {
        List<String> causes = new ArrayList<>();
        for (Throwable cause = failure; cause != null && causes.size() < MOST; cause = cause.getCause()) {
            causes.add(name(cause));
        }
        return String.join(", caused by ", causes);
    }

    private static String name(Throwable failure) {
        boolean ofKafka = failure instanceof ApiException && !(failure instanceof SerializationException);
        return ofKafka
                ? failure.getClass().getName() + ": "
                        + String.valueOf(failure.getMessage()).replaceAll("\\p{Cntrl}", " ")
                : failure.getClass().getName();
    }
}
