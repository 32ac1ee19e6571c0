package io.github.kafkabackpressure.producer;

import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.jspecify.annotations.Nullable;
import org.springframework.kafka.support.ProducerListener;

/**
 * Logs records that failed, by topic and reason. In place of Spring's {@code LoggingProducerListener}, which logs keys
 * and values as they are.
 *
 * <p>Threading: any thread.
 */
final class FailedSendsLog<K, V> implements ProducerListener<K, V> {

    private static final Log logger = LogFactory.getLog(FailedSendsLog.class);

    @Override
    public void onError(ProducerRecord<K, V> record, @Nullable RecordMetadata metadata, @Nullable Exception exception) {
        logger.error("A record for topic " + record.topic() + " was not sent: " + Failures.describe(exception));
    }
}
