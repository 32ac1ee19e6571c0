package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.ListenerOverflow;
import io.github.kafkabackpressure.ListenerRefusedException;
import io.github.kafkabackpressure.Ordering;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.kafka.listener.BatchMessageListener;
import org.springframework.kafka.listener.ContainerProperties;

/**
 * Which answers to overload go together with what else a listener is. What would break a promise is refused at start, with
 * the reason; {@code docs/overload.md} has the same as a table.
 *
 * <p>Threading: the thread that starts the container.
 */
final class OverloadRules {

    private OverloadRules() {}

    /**
     * Why something does not go together, and what to do about it.
     *
     * @param reason what goes on after "The listener '...' has "
     * @param action what to do
     */
    record Refusal(String reason, String action) {}

    /** Refuses what does not go together. */
    static void check(ContainerParts container, ListenerOptions options) {
        ContainerProperties properties = container.properties();
        Refusal refusal = refusal(
                options,
                properties.getMessageListener() instanceof BatchMessageListener,
                properties.getKafkaAwareTransactionManager() != null,
                topics(properties));
        if (refusal != null) {
            throw new ListenerRefusedException(
                    "The listener '" + container.id() + "' has " + refusal.reason(), refusal.action());
        }
    }

    private static List<String> topics(ContainerProperties properties) {
        String[] topics = properties.getTopics();
        return topics == null ? List.of() : Arrays.asList(topics);
    }

    /** What does not go together; null if everything does. */
    static @Nullable Refusal refusal(
            ListenerOptions options, boolean batch, boolean transactions, List<String> topics) {
        OverloadOptions overload = options.overload();
        boolean conflates = overload.overflow() == ListenerOverflow.CONFLATE;
        if (conflates && options.ordering() == Ordering.UNORDERED) {
            return new Refusal(
                    "overflow=conflate in unordered order, in which an older record of a key may be handled after a newer"
                            + " one, so the newest would not be what counts.",
                    "Set ordering to key or partition.");
        }
        if (conflates && batch) {
            return new Refusal(
                    "overflow=conflate and takes batches, of which each would hold a key once: what it leaves out nobody"
                            + " could tell.",
                    "Take single records, or choose another overflow.");
        }
        if (transactions && overload.drops()) {
            return new Refusal(
                    "a Kafka transaction manager and " + dropping(overload)
                            + ": the offset of a record is committed by the"
                            + " transaction that handles it, and a dropped record has none, so it would come again.",
                    "Remove the one or the other.");
        }
        String droppedTo = overload.droppedTo();
        if (droppedTo != null && overload.drops() && topics.contains(droppedTo)) {
            return new Refusal(
                    "dropped-to=" + droppedTo + ", which is one of its own topics: what it drops would come back.",
                    "Name another topic.");
        }
        return null;
    }

    private static String dropping(OverloadOptions overload) {
        if (overload.overflow() != ListenerOverflow.PAUSE) {
            return "overflow=" + overload.overflow().propertyValue();
        }
        return overload.softLimit() > 0 ? "soft-limit" : "max-age";
    }
}
