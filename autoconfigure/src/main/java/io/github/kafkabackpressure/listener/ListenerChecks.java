package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.ListenerRefusedException;
import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.listener.handle.ErrorHandling;
import java.util.Locale;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.springframework.kafka.listener.BatchMessageListener;
import org.springframework.kafka.listener.ContainerProperties;
import org.springframework.util.StringUtils;

/**
 * Refuses settings of a container that concurrent handling cannot honour, each with the way out.
 *
 * <p>Threading: the thread that starts the container.
 */
final class ListenerChecks {

    private ListenerChecks() {}

    /** Refuses what cannot be honoured. */
    static void check(ContainerParts parts, ListenerOptions options) {
        ContainerProperties properties = parts.properties();
        String id = parts.id();
        checkTransactions(parts, options);
        Object autoCommit = parts.consumerProperties().get(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG);
        if (autoCommit != null && Boolean.parseBoolean(autoCommit.toString())) {
            throw new ListenerRefusedException(
                    "The listener '" + id
                            + "' has enable.auto.commit=true, which would commit records that are not finished.",
                    "Remove spring.kafka.consumer.enable-auto-commit.");
        }
        ErrorHandling.check(parts.errorHandler(), properties.getMessageListener() instanceof BatchMessageListener);
    }

    @SuppressWarnings({"deprecation", "removal"}) // a transaction manager may still have been set the old way
    private static void checkTransactions(ContainerParts parts, ListenerOptions options) {
        ContainerProperties properties = parts.properties();
        String start = "The listener '" + parts.id() + "' has a Kafka transaction manager, ";
        String end = "Remove spring.kafka.producer.transaction-id-prefix, or use @KafkaListener.";
        if (properties.getKafkaAwareTransactionManager() == null) {
            if (properties.getTransactionManager() != null) {
                throw new ListenerRefusedException(
                        "The listener '" + parts.id()
                                + "' has a transaction manager that is not Kafka's, whose transaction would span the"
                                + " hand-over to the workers, not the handling.",
                        "Put @Transactional on the listener's method instead.");
            }
        } else if (options.ordering() != Ordering.PARTITION) {
            throw new ListenerRefusedException(
                    start + "and a transaction commits one offset for a partition, below which everything must be"
                            + " finished; in " + options.ordering().name().toLowerCase(Locale.ROOT)
                            + " order records finish out of order.",
                    "Set ordering to partition. " + end);
        } else if (options.rememberProgress()) {
            throw new ListenerRefusedException(
                    start + "whose transactions commit offsets without the metadata that remember-progress needs.",
                    "Remove remember-progress: in partition order there is nothing to remember. " + end);
        } else if (properties.getMessageListener() instanceof BatchMessageListener) {
            throw new ListenerRefusedException(
                    start + "which is supported for single records only, not for batches.", end);
        } else if (!StringUtils.hasText(parts.container().getGroupId())
                && parts.consumerProperties().get(ConsumerConfig.GROUP_ID_CONFIG) == null) {
            throw new ListenerRefusedException(
                    start + "but no group whose offsets a transaction could commit.", "Set a group id. " + end);
        }
    }
}
