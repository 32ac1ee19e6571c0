package io.github.kafkabackpressure.parity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.listener.BackpressuredMessageListenerContainer;
import io.github.kafkabackpressure.listener.ListenerSnapshot;
import io.github.kafkabackpressure.parity.ParityApps.Run;
import io.github.kafkabackpressure.parity.ParityApps.Seen;
import io.github.kafkabackpressure.test.TestApp;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.kafka.config.ShareKafkaListenerContainerFactory;
import org.springframework.kafka.core.DefaultShareConsumerFactory;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.listener.AfterRollbackProcessor;
import org.springframework.kafka.listener.DefaultAfterRollbackProcessor;
import org.springframework.kafka.support.Acknowledgment;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;
import org.springframework.util.backoff.FixedBackOff;

/** Kafka transactions where they can be honoured, and the refusals where they cannot. */
@EmbeddedKafka(
        partitions = 1,
        brokerProperties = {
            "transaction.state.log.replication.factor=1",
            "transaction.state.log.min.isr=1",
            "transaction.state.log.num.partitions=1"
        })
class TransactionsParityIT {

    private static ParityApps apps;

    private static EmbeddedKafkaBroker broker;

    @BeforeAll
    static void start(EmbeddedKafkaBroker embedded) {
        broker = embedded;
        apps = new ParityApps(
                broker,
                List.of(AfterRollback.class, Forwarding.class),
                "spring.kafka.producer.transaction-id-prefix=${run}-tx-",
                "spring.kafka.consumer.isolation-level=read_committed");
    }

    @AfterAll
    static void stop() {
        apps.close();
    }

    @Configuration(proxyBeanMethods = false)
    static class AfterRollback {

        @Bean
        AfterRollbackProcessor<Object, Object> afterRollback(Seen seen) {
            return new DefaultAfterRollbackProcessor<>(
                    (record, exception) -> seen.add("recovered", record.value()), new FixedBackOff(10, 2));
        }
    }

    static class Forwarding {

        private final Seen seen;

        private final KafkaTemplate<Object, Object> template;

        private final String out;

        private final Map<String, Integer> attempts = new ConcurrentHashMap<>();

        Forwarding(Seen seen, KafkaTemplate<Object, Object> template, @Value("${run}.out") String out) {
            this.seen = seen;
            this.template = template;
            this.out = out;
        }

        @BackpressuredListener(id = "in")
        void in(String value) {
            template.send(out, value);
            int attempt = attempts.merge(value, 1, Integer::sum);
            if (value.contains("always") || (value.contains("once") && attempt == 1)) {
                throw new IllegalStateException(value);
            }
        }

        @KafkaListener(id = "out")
        void out(String value) {
            seen.add("out", value);
        }
    }

    @ParameterizedTest
    @EnumSource
    void whatAFailedAttemptSentIsRolledBackAndOffsetsAreCommittedWithTheTransaction(Run run) {
        apps.send(run, "in", "a", "fails once", "fails always", "d");
        assertThat(apps.awaitSeen(run, "out", 3)).containsExactly("a", "fails once", "d");
        assertThat(apps.seen(run, "recovered")).containsExactly("fails always");
        // Each record was sent in a transaction, whose end takes an offset too.
        apps.awaitCommitted(run, "in", "in", 7);
        if (apps.container(run, "in") instanceof BackpressuredMessageListenerContainer<?, ?> container) {
            assertThat(container.snapshot().partitions())
                    .extracting(ListenerSnapshot.Partition::committed)
                    .containsExactly(7L);
        }
    }

    private static final String[] TRANSACTIONAL = {"spring.kafka.producer.transaction-id-prefix=refused-"};

    static class OfKeys {

        @BackpressuredListener(id = "of-keys", topics = "of-keys", ordering = Ordering.KEY)
        void handle(String value) {}
    }

    static class OfBatches {

        @BackpressuredListener(id = "of-batches", topics = "of-batches", batch = "true")
        void handle(List<String> values) {}
    }

    static class Remembering {

        @BackpressuredListener(id = "remembering", topics = "remembering", rememberProgress = "true")
        void handle(String value) {}
    }

    static class Acknowledging {

        @BackpressuredListener(id = "acknowledging", topics = "acknowledging", ackMode = "MANUAL")
        void handle(String value, Acknowledgment acknowledgment) {}
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

    static class Shared {

        @BackpressuredListener(id = "shared", topics = "shared", containerFactory = "shares")
        void handle(String value) {}
    }

    @Test
    void refusesTransactionsInKeyOrder() {
        refused(OfKeys.class, "in key order records finish out of order. Set ordering to partition.", TRANSACTIONAL);
    }

    @Test
    void refusesTransactionsOfBatches() {
        refused(OfBatches.class, "single records only, not for batches", TRANSACTIONAL);
    }

    @Test
    void refusesTransactionsThatShouldRemember() {
        refused(
                Remembering.class,
                "Remove remember-progress: in partition order there is nothing to remember.",
                TRANSACTIONAL);
    }

    @Test
    void refusesTransactionsOfRecordsThatEndLater() {
        refused(Acknowledging.class, "whose transaction is over when the method returns", TRANSACTIONAL);
    }

    @Test
    void refusesShareGroups() {
        refused(Shared.class, "Use @KafkaListener for share groups.");
    }

    private static void refused(Class<?> listener, String reason, String... properties) {
        assertThatThrownBy(() -> TestApp.start(broker.getBrokersAsString(), List.of(Shares.class, listener), properties)
                        .close())
                .hasStackTraceContaining(reason);
    }
}
