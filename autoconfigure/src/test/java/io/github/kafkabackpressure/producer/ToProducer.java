package io.github.kafkabackpressure.producer;

import io.github.kafkabackpressure.BufferState;
import io.github.kafkabackpressure.RecordNotSentException;
import java.util.function.Supplier;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.jspecify.annotations.Nullable;

/** Nothing around a pipeline but a producer. */
record ToProducer(Supplier<Producer<String, String>> producers) implements Surroundings<String, String> {

    @Override
    public Producer<String, String> producer() {
        return producers.get();
    }

    @Override
    public void forgetProducer(Producer<String, String> closed) {}

    @Override
    public void delivered(ProducerRecord<String, String> record, RecordMetadata metadata) {}

    @Override
    public void failed(ProducerRecord<String, String> record, @Nullable RecordMetadata metadata, Exception failure) {}

    @Override
    public void undelivered(ProducerRecord<String, String> record, RecordNotSentException failure) {}

    @Override
    public void stateChanged(BufferState state, int buffered) {}
}
