package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;
import static org.mockito.ArgumentMatchers.any;
import static org.mockito.BDDMockito.given;
import static org.mockito.Mockito.mock;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.github.kafkabackpressure.ListenerRefusedException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.slf4j.LoggerFactory;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.support.GenericApplicationContext;
import org.springframework.kafka.core.ConsumerFactory;
import org.springframework.kafka.core.DefaultKafkaConsumerFactory;
import org.springframework.kafka.listener.MessageListener;
import org.springframework.kafka.support.TopicPartitionOffset;

/** What a container makes of the settings of Kafka's consumer and of spring-kafka's container. */
class ContainerSettingsTests {

    private static BackpressuredMessageListenerContainer<Object, Object> container(
            ConsumerFactory<Object, Object> consumers) {
        BackpressuredKafkaListenerContainerFactory<Object, Object> factory =
                new BackpressuredKafkaListenerContainerFactory<>();
        factory.setConsumerFactory(consumers);
        BackpressuredMessageListenerContainer<Object, Object> container =
                (BackpressuredMessageListenerContainer<Object, Object>)
                        factory.createContainer(new TopicPartitionOffset("topic", 0));
        container.setBeanName("settings");
        container.getContainerProperties().setGroupId("group");
        container.getContainerProperties().setMessageListener((MessageListener<Object, Object>) record -> {});
        return container;
    }

    @Test
    void aPropertyOfTheConsumerMayBeOfAnyTypeThatKafkaTakes() {
        var container = container(new DefaultKafkaConsumerFactory<>(Map.of("max.poll.records", 300)));
        Properties own = new Properties();
        own.put("max.poll.interval.ms", 30_000);
        container.getContainerProperties().setKafkaConsumerProperties(own);
        assertThat(container.parts().consumerProperties())
                .containsEntry("max.poll.interval.ms", 30_000)
                .containsEntry("max.poll.records", 300);
    }

    @Test
    void automaticCommitsAreRefusedInWhateverTypeTheyAreAskedFor() {
        var container = container(new DefaultKafkaConsumerFactory<>(Map.of()));
        Properties own = new Properties();
        own.put("enable.auto.commit", true);
        container.getContainerProperties().setKafkaConsumerProperties(own);
        assertThatThrownBy(container::start)
                .isInstanceOf(ListenerRefusedException.class)
                .hasMessageContaining("enable.auto.commit=true");
    }

    @SuppressWarnings("unchecked")
    private static ConsumerFactory<Object, Object> mocked(ConsumerRecords<Object, Object> records) {
        Consumer<Object, Object> consumer = mock(Consumer.class);
        AtomicBoolean first = new AtomicBoolean(true);
        given(consumer.poll(any(Duration.class))).willAnswer(call -> {
            if (first.getAndSet(false)) {
                return records;
            }
            Thread.sleep(10);
            return ConsumerRecords.empty();
        });
        given(consumer.groupMetadata()).willReturn(new ConsumerGroupMetadata("group"));
        given(consumer.assignment()).willReturn(records.partitions());
        ConsumerFactory<Object, Object> consumers = mock(ConsumerFactory.class);
        given(consumers.getConfigurationProperties()).willReturn(null);
        given(consumers.createConsumer(any(), any(), any(), any())).willReturn(consumer);
        return consumers;
    }

    private static ConsumerRecords<Object, Object> oneRecord() {
        TopicPartition partition = new TopicPartition("topic", 0);
        return new ConsumerRecords<>(
                Map.of(partition, List.of(new ConsumerRecord<Object, Object>("topic", 0, 0, "key", "value"))),
                Map.of());
    }

    @Test
    void aConsumerFactoryWithoutConfigurationIsEnough() {
        var container = container(mocked(oneRecord()));
        List<Object> seen = new CopyOnWriteArrayList<>();
        container.getContainerProperties().setMessageListener((MessageListener<Object, Object>)
                record -> seen.add(record.value()));
        container.start();
        try {
            await().untilAsserted(() -> assertThat(seen).containsExactly("value"));
        } finally {
            container.stop();
        }
    }

    @Test
    void workersAreNamedAsTheConsumersThreadsAre() {
        var container = container(mocked(oneRecord()));
        container.setChangeConsumerThreadName(true);
        container.setThreadNameSupplier(one -> "named-" + one.getGroupId());
        List<String> threads = new CopyOnWriteArrayList<>();
        container.getContainerProperties().setMessageListener((MessageListener<Object, Object>)
                record -> threads.add(Thread.currentThread().getName()));
        container.start();
        try {
            await().untilAsserted(
                            () -> assertThat(threads).singleElement().asString().matches("named-group-W-\\d+"));
        } finally {
            container.stop();
        }
    }

    @Test
    @ExtendWith(OutputCaptureExtension.class)
    void aDrainThatSpringDoesNotWaitForIsWarnedOfByName(CapturedOutput output) {
        try (GenericApplicationContext context = new GenericApplicationContext()) {
            context.refresh();
            context.getEnvironment().getSystemProperties().put("spring.lifecycle.timeout-per-shutdown-phase", "5s");
            var container = container(mocked(ConsumerRecords.empty()));
            container.setApplicationContext(context);
            container.start();
            container.stop();
        } finally {
            System.clearProperty("spring.lifecycle.timeout-per-shutdown-phase");
        }
        assertThat(output)
                .contains("kafka.backpressure.listener.drain-timeout of the listener 'settings' is 20000 ms")
                .contains("no longer than 5000 ms (spring.lifecycle.timeout-per-shutdown-phase)");
    }

    @Test
    void eachStartSaysInOneLineWhatTheListenerMayDo() {
        var container = container(mocked(ConsumerRecords.empty()));
        ListAppender<ILoggingEvent> lines = new ListAppender<>();
        Logger logger = (Logger) LoggerFactory.getLogger(BackpressuredMessageListenerContainer.class);
        Level before = logger.getLevel();
        logger.setLevel(Level.INFO);
        logger.addAppender(lines);
        lines.start();
        try {
            for (int starts = 1; starts <= 2; starts++) {
                container.start();
                container.stop();
                assertThat(List.copyOf(lines.list).stream()
                                .map(ILoggingEvent::getFormattedMessage)
                                .filter(line -> line.startsWith("Listener 'settings': partition order, at most 1000"
                                        + " records in flight and 16 handled at once, 1 consumer, polls of at most")))
                        .hasSize(starts);
            }
        } finally {
            logger.detachAppender(lines);
            logger.setLevel(before);
        }
    }
}
