package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.consumer.CloseOptions;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.AuthorizationException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.kafka.core.ConsumerFactory;
import org.springframework.kafka.core.DefaultKafkaConsumerFactory;
import org.springframework.kafka.event.ConsumerStoppedEvent;
import org.springframework.kafka.event.ConsumerStoppingEvent;
import org.springframework.kafka.listener.ConsumerSeekAware;
import org.springframework.kafka.listener.MessageListener;

/** Containers whose start fails, or whose consumers do: they are stopped, say why, and can be started again. */
class StartingTests {

    /** The consumers made, in their order. */
    private final List<Kafka> made = new CopyOnWriteArrayList<>();

    private final AtomicReference<Throwable> pollFailure = new AtomicReference<>();

    /** The number of the consumer that cannot be made; -1 for none. */
    private volatile int failsAt = -1;

    private BackpressuredMessageListenerContainer<Object, Object> container;

    private final class Kafka extends MockConsumer<Object, Object> {

        private Kafka() {
            super("earliest");
        }

        @Override
        public ConsumerRecords<Object, Object> poll(Duration timeout) {
            Throwable failure = pollFailure.getAndSet(null);
            if (failure instanceof Error error) {
                throw error;
            }
            if (failure instanceof RuntimeException exception) {
                throw exception;
            }
            try {
                Thread.sleep(2); // as there is nothing to be fetched
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            return super.poll(Duration.ZERO);
        }

        @Override
        public void close(CloseOptions option) {
            super.close(option);
            throw new KafkaException("thrown while it closes");
        }
    }

    /** A listener that fails when it hears that its consumer is closed. */
    private static final class Seeking implements MessageListener<Object, Object>, ConsumerSeekAware {

        @Override
        public void onMessage(ConsumerRecord<Object, Object> record) {}

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
            throw new IllegalStateException("thrown by the user's listener");
        }

        @Override
        public void unregisterSeekCallback() {
            throw new IllegalStateException("thrown by the user's listener");
        }
    }

    private ConsumerFactory<Object, Object> factory() {
        return new DefaultKafkaConsumerFactory<>(Map.of("group.id", "group")) {
            @Override
            public Consumer<Object, Object> createConsumer(
                    String groupId, String clientIdPrefix, String clientIdSuffix, Properties properties) {
                if (made.size() == failsAt) {
                    throw new KafkaException("no resolvable bootstrap urls");
                }
                Kafka kafka = new Kafka();
                made.add(kafka);
                return kafka;
            }
        };
    }

    private void makeContainer(int consumers, boolean restarts) {
        BackpressuredKafkaListenerContainerFactory<Object, Object> factory =
                new BackpressuredKafkaListenerContainerFactory<>();
        factory.setConsumerFactory(factory());
        factory.setConcurrency(consumers);
        container = (BackpressuredMessageListenerContainer<Object, Object>) factory.createContainer("topic");
        container.setBeanName("container");
        container.setApplicationEventPublisher(event -> {
            if (event instanceof ConsumerStoppingEvent || event instanceof ConsumerStoppedEvent) {
                throw new IllegalStateException("thrown by the user's event listener");
            }
        });
        container.getContainerProperties().setMessageListener(new Seeking());
        container.getContainerProperties().setRestartAfterAuthExceptions(restarts);
    }

    @AfterEach
    void stop() {
        if (container != null) {
            container.stop();
        }
    }

    private void assertStopped() {
        assertThat(container.isRunning()).isFalse();
        await().dontCatchUncaughtExceptions().until(() -> made.stream().allMatch(Kafka::closed));
        await().dontCatchUncaughtExceptions().until(() -> !container.isChildRunning());
        assertThat(container.getInFlight()).isZero();
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2})
    void aStartThatFailsOnceLeavesAContainerThatIsStoppedAndCanBeStarted(int at) {
        makeContainer(3, false);
        failsAt = at;
        assertThatThrownBy(container::start).hasMessageContaining("bootstrap");
        assertStopped();
        assertThat(container.getFailure()).hasMessageContaining("bootstrap");
        container.stop(); // ends at once
        assertThat(made).hasSize(at);

        failsAt = -1;
        container.start();
        assertThat(container.isRunning()).isTrue();
        assertThat(container.getFailure()).isNull();
        assertThat(made).hasSize(at + 3);
        container.stop();
        assertStopped();
        assertThat(container.getFailure()).isNull();
    }

    @Test
    void aStartThatFailsWhileAnEarlierOneStillEndsHarmsNeither() {
        makeContainer(2, false);
        failsAt = 1;
        assertThatThrownBy(container::start).hasMessageContaining("bootstrap");
        failsAt = -1;
        container.start(); // at once
        assertThat(container.isRunning()).isTrue();
        await().dontCatchUncaughtExceptions().until(made.get(0)::closed);
        assertThat(made.subList(1, 3)).noneMatch(Kafka::closed);
        container.stop();
        assertStopped();
    }

    @Test
    void aRestartAfterAnAuthorizationFailureThatFailsLeavesAContainerThatCanBeStarted() {
        makeContainer(1, true);
        container.start();
        failsAt = 1;
        pollFailure.set(new AuthorizationException("may not read"));
        await().dontCatchUncaughtExceptions()
                .until(() -> !container.isRunning()
                        && container.getFailure() instanceof KafkaException
                        && !(container.getFailure() instanceof AuthorizationException));
        assertStopped();

        failsAt = -1;
        container.start();
        assertThat(container.isRunning()).isTrue();
    }

    @Test
    void anErrorOfAConsumerStopsTheContainerAndIsWhyItDoesNotRun() {
        makeContainer(2, false);
        container.start();
        AssertionError error = new AssertionError("the deserializer fails");
        pollFailure.set(error);
        await().dontCatchUncaughtExceptions().until(() -> !container.isRunning());
        assertStopped();
        assertThat(container.getFailure()).isSameAs(error);
    }

    @Test
    void anExceptionThatEndsALoopIsWhyTheListenerDoesNotRun() {
        makeContainer(1, false);
        container.start();
        AuthorizationException failure = new AuthorizationException("may not read");
        pollFailure.set(failure);
        await().dontCatchUncaughtExceptions().until(() -> !container.isRunning());
        assertStopped();
        assertThat(container.getFailure()).isSameAs(failure);
    }
}
