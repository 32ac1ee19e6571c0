package io.github.kafkabackpressure.producer;

import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Supplier;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.StringSerializer;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;

/** Spring's own factory, whose producers have no cluster. */
final class FakeFactory extends DefaultKafkaProducerFactory<String, String> {

    final List<MockProducer<String, String>> made = new CopyOnWriteArrayList<>();

    private final Supplier<MockProducer<String, String>> maker;

    FakeFactory(Supplier<MockProducer<String, String>> maker) {
        super(Map.of(
                ProducerConfig.BOOTSTRAP_SERVERS_CONFIG,
                "127.0.0.1:1",
                ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG,
                StringSerializer.class,
                ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG,
                StringSerializer.class));
        this.maker = maker;
    }

    /** @param acknowledges at once, or when it is flushed */
    static FakeFactory of(boolean acknowledges) {
        return new FakeFactory(
                () -> new MockProducer<>(acknowledges, null, new StringSerializer(), new StringSerializer()));
    }

    @Override
    protected Producer<String, String> createRawProducer(Map<String, Object> rawConfigs) {
        MockProducer<String, String> producer = maker.get();
        made.add(producer);
        return producer;
    }
}
