package io.github.kafkabackpressure.producer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.test.TestApp;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.kafka.annotation.TopicPartition;
import org.springframework.kafka.config.KafkaListenerEndpointRegistry;
import org.springframework.kafka.config.ShareKafkaListenerContainerFactory;
import org.springframework.kafka.core.DefaultShareConsumerFactory;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;

/** Listeners without a consumer group, which are no less listeners while their application stops. */
@EmbeddedKafka(
        partitions = 1,
        topics = {"no-group", "no-group-out", "share-group", "share-group-out"},
        brokerProperties = {
            "offsets.topic.num.partitions=1",
            "share.coordinator.state.topic.num.partitions=1",
            "share.coordinator.state.topic.replication.factor=1",
            "share.coordinator.state.topic.min.isr=1"
        })
class OtherListenersIT {

    private static final List<String> FIVE =
            IntStream.range(0, 5).mapToObj(i -> "value " + i).toList();

    private final EmbeddedKafkaBroker broker;

    OtherListenersIT(EmbeddedKafkaBroker broker) {
        this.broker = broker;
    }

    /** Sends on from its listener once that is being stopped. */
    static class Forwarder {

        private final BackpressuredKafkaTemplate<Object, Object> template;

        private final KafkaListenerEndpointRegistry registry;

        final CountDownLatch begun = new CountDownLatch(1);

        @SuppressWarnings("unchecked")
        Forwarder(BackpressuredKafkaTemplate<?, ?> template, KafkaListenerEndpointRegistry registry) {
            this.template = (BackpressuredKafkaTemplate<Object, Object>) template;
            this.registry = registry;
        }

        final void forward(String topic) throws InterruptedException {
            begun.countDown();
            while (registry.getListenerContainer(topic).isRunning()) {
                TimeUnit.MILLISECONDS.sleep(5);
            }
            FIVE.forEach(value -> template.send(topic + "-out", value));
        }
    }

    static class WithoutGroup extends Forwarder {

        WithoutGroup(BackpressuredKafkaTemplate<?, ?> template, KafkaListenerEndpointRegistry registry) {
            super(template, registry);
        }

        @KafkaListener(
                id = "no-group",
                idIsGroup = false,
                ackMode = "MANUAL", // without a group there is nothing to commit to
                topicPartitions = @TopicPartition(topic = "no-group", partitions = "0"))
        void handle(String value) throws InterruptedException {
            forward("no-group");
        }
    }

    static class InShareGroup extends Forwarder {

        InShareGroup(BackpressuredKafkaTemplate<?, ?> template, KafkaListenerEndpointRegistry registry) {
            super(template, registry);
        }

        @KafkaListener(id = "share-group", topics = "share-group", containerFactory = "shares")
        void handle(String value) throws InterruptedException {
            forward("share-group");
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class Shares {

        @Bean
        ShareKafkaListenerContainerFactory<String, String> shares(
                @Value("${spring.kafka.bootstrap-servers}") String brokers) {
            Map<String, Object> properties = new HashMap<>();
            properties.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, brokers);
            properties.put(ConsumerConfig.KEY_DESERIALIZER_CLASS_CONFIG, StringDeserializer.class);
            properties.put(ConsumerConfig.VALUE_DESERIALIZER_CLASS_CONFIG, StringDeserializer.class);
            return new ShareKafkaListenerContainerFactory<>(new DefaultShareConsumerFactory<>(properties));
        }
    }

    @ParameterizedTest
    @ValueSource(classes = {WithoutGroup.class, InShareGroup.class})
    void whatAListenerWithoutAConsumerGroupSendsWhileItStopsIsDelivered(Class<? extends Forwarder> type) {
        String topic = type == WithoutGroup.class ? "no-group" : "share-group";
        ConfigurableApplicationContext context =
                TestApp.start(broker.getBrokersAsString(), List.of(Shares.class, type));
        Forwarder forwarder = context.getBean(type);
        BackpressuredKafkaTemplate<Object, Object> template = ProducerApp.template(context);
        try {
            // Once and again, as it begins where the topic ends when it comes.
            await().until(() -> {
                template.send(topic, "begin");
                return forwarder.begun.await(100, TimeUnit.MILLISECONDS);
            });
        } finally {
            context.close();
        }
        assertThat(TopicReader.values(broker.getBrokersAsString(), topic + "-out"))
                .containsAll(FIVE);
    }
}
