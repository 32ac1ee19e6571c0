package io.github.kafkabackpressure.listener.handle;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.listener.TestOptions;
import io.github.kafkabackpressure.listener.TestRun;
import io.github.kafkabackpressure.listener.consume.Assignment;
import io.github.kafkabackpressure.listener.consume.PartitionWork;
import io.github.kafkabackpressure.listener.handle.RecordAcknowledgment.Signal;
import io.github.kafkabackpressure.listener.task.ListenerRun;
import io.github.kafkabackpressure.listener.task.RecordTask;
import io.github.kafkabackpressure.work.WorkerPool;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.kafka.core.DefaultKafkaConsumerFactory;
import org.springframework.kafka.core.ProducerFactory;
import org.springframework.kafka.listener.ContainerProperties;
import org.springframework.kafka.listener.DefaultAfterRollbackProcessor;
import org.springframework.kafka.listener.KafkaMessageListenerContainer;
import org.springframework.kafka.transaction.KafkaTransactionManager;

class RecordTransactionsTests {

    private static final TopicPartition PARTITION = new TopicPartition("topic", 0);

    private final MockProducer<String, String> producer =
            new MockProducer<>(true, null, new StringSerializer(), new StringSerializer());

    private final TestRun started = new TestRun(
            TestOptions.of(Ordering.PARTITION, 10, 1.0),
            4,
            task -> {},
            listenerRun -> (task, begun) -> WorkerPool.Result.OVER,
            () -> 0L);

    private final ListenerRun run = started.run;

    private final Assignment assignment = new Assignment(started.side, new MockConsumer<>("earliest"), () -> {});

    private RecordTransactions transactions;

    private RecordTask task;

    @BeforeEach
    void assign() {
        producer.initTransactions();
        ProducerFactory<String, String> factory = new ProducerFactory<>() {
            @Override
            public Producer<String, String> createProducer() {
                return producer;
            }

            @Override
            public Producer<String, String> createProducer(String transactionIdPrefix) {
                return producer;
            }

            @Override
            public boolean transactionCapable() {
                return true;
            }
        };
        transactions = new RecordTransactions(
                new KafkaTransactionManager<>(factory),
                new DefaultAfterRollbackProcessor<>(),
                new KafkaMessageListenerContainer<>(
                        new DefaultKafkaConsumerFactory<>(Map.of()), new ContainerProperties("topic")),
                OffsetAndMetadata::new);
        PartitionWork work = assignment.assigned(List.of(PARTITION)).get(0);
        assignment.link.facts.groupMetadata = new ConsumerGroupMetadata("group");
        task = new RecordTask(new ConsumerRecord<>("topic", 0, 7, "key", "value"), work, 0, 0);
    }

    @Test
    void anOffsetIsCommittedWithWhatTheAttemptSent() {
        assertThat(transactions.attempt(task, () -> null)).isNull();
        assertThat(producer.transactionCommitted()).isTrue();
        assertThat(producer.consumerGroupOffsetsHistory()).hasSize(1);
    }

    @Test
    void anAttemptThatEndsAfterItsPartitionWasGivenUpIsRolledBack() {
        Signal.Failed failed = transactions.attempt(task, () -> {
            assignment.remove(List.copyOf(assignment.works()));
            assignment.link.facts.groupMetadata = new ConsumerGroupMetadata("group", 2, "member", Optional.empty());
            return null;
        });
        assertThat(failed).isNotNull();
        assertThat(producer.transactionCommitted()).isFalse();
        assertThat(producer.transactionAborted()).isTrue();
        assertThat(producer.consumerGroupOffsetsHistory()).isEmpty();
    }

    @Test
    void anAttemptThatEndsAfterASeekToItsRecordOrBeforeItIsRolledBack() {
        PartitionWork work = (PartitionWork) task.partition;
        work.tracker.register(7);
        Signal.Failed failed = transactions.attempt(task, () -> {
            work.rewind(7);
            return null;
        });
        assertThat(failed).isNotNull();
        assertThat(producer.transactionAborted()).isTrue();
        assertThat(producer.consumerGroupOffsetsHistory()).isEmpty();
    }

    @Test
    void aTransactionOfAFormerMembershipIsNotTheListenersFailure() {
        producer.sendOffsetsToTransactionException = new CommitFailedException("illegal generation");
        Signal.Failed failed = transactions.attempt(task, () -> null);
        assertThat(failed).isNotNull();
        assertThat(failed.exception()).isInstanceOf(RecordTransactions.FormerMemberException.class);
        assertThat(producer.transactionAborted()).isTrue();
    }

    @Test
    void whatTheListenerThrowsIsItsFailureWhateverItIs() {
        CommitFailedException own = new CommitFailedException("thrown by the user's own consumer");
        Signal.Failed failed = transactions.attempt(task, () -> new Signal.Failed(own, null));
        assertThat(failed.exception()).isSameAs(own);
        assertThat(producer.transactionAborted()).isTrue();
    }
}
