package io.github.kafkabackpressure.producer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.buffer.Leave;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.Test;

class TopicsAheadTests {

    private final List<String> looks = new ArrayList<>();

    private final Set<String> missing = new HashSet<>();

    private final MockProducer<String, String> kafka =
            new MockProducer<>(true, null, new StringSerializer(), new StringSerializer()) {

                @Override
                public List<PartitionInfo> partitionsFor(String topic) {
                    looks.add(topic);
                    if (missing.contains(topic)) {
                        throw new TimeoutException("in this test");
                    }
                    return List.of();
                }
            };

    private final TopicsAhead<String, String> ahead =
            new TopicsAhead<>(new KnownTopics(() -> kafka), new AbsentTopics<>());

    @Test
    void aTopicIsLookedAtWhenItIsTheNextRecords() {
        missing.add("missing");
        ahead.lookAgain(0);
        assertThat(ahead.lookAtNext(0)).isFalse();

        assertThat(apply("topic")).isEqualTo(Leave.NOT_YET);
        assertThat(looks).isEmpty(); // that is under the buffer's lock
        assertThat(ahead.hasStopped()).isTrue();
        assertThat(ahead.lookAtNext(0)).isTrue();
        assertThat(ahead.hasStopped()).isFalse();
        assertThat(apply("topic")).isEqualTo(Leave.TAKEN);

        assertThat(apply("missing")).isEqualTo(Leave.NOT_YET);
        assertThat(ahead.lookAtNext(0)).isTrue();
        assertThat(apply("missing")).isEqualTo(Leave.ASIDE);
        assertThat(apply("topic")).isEqualTo(Leave.TAKEN);
        assertThat(looks).containsExactly("topic", "missing");
    }

    @Test
    void topicsOfTheLastTimeAreLookedAtAgain() {
        look("topic", 0);
        missing.add("topic");
        ahead.lookAgain(10);
        assertThat(apply("topic")).isEqualTo(Leave.ASIDE);
        missing.clear();
        ahead.lookAgain(20);
        assertThat(apply("topic")).isEqualTo(Leave.TAKEN);
        assertThat(looks).containsExactly("topic", "topic", "topic");
    }

    @Test
    void aTopicOfWhichNothingWasTakenIsForgotten() {
        look("topic", 0);
        look("rare", 0);
        ahead.lookAgain(10);
        assertThat(apply("topic")).isEqualTo(Leave.TAKEN);
        looks.clear();
        ahead.lookAgain(20);
        assertThat(looks).containsExactly("topic");
        assertThat(apply("rare")).isEqualTo(Leave.NOT_YET);
    }

    @Test
    void aTopicThatNobodyHasSentToForLongIsNotAskedForBeforeSomebodyDoes() {
        look("yesterday", 0); // to ask for it may make it anew
        ahead.lookAgain(86_400_000);
        assertThat(looks).containsExactly("yesterday");
        assertThat(apply("yesterday")).isEqualTo(Leave.NOT_YET);
        assertThat(ahead.lookAtNext(86_400_000)).isTrue();
        assertThat(apply("yesterday")).isEqualTo(Leave.TAKEN);
    }

    private void look(String topic, long nowMillis) {
        assertThat(apply(topic)).isEqualTo(Leave.NOT_YET);
        ahead.lookAtNext(nowMillis);
        assertThat(apply(topic)).isEqualTo(Leave.TAKEN);
    }

    private Leave apply(String topic) {
        return ahead.apply(
                new PendingSend<>((send, metadata, failure) -> {}, new ProducerRecord<>(topic, "value"), 5, 1, null));
    }
}
