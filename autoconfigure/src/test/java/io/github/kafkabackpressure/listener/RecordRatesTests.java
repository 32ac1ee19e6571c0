package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.listener.overload.QueuedRecord;
import io.github.kafkabackpressure.rate.SharedRateLimit.Grant;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.utils.Bytes;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What buckets are called where several instances have them in common. */
class RecordRatesTests {

    private final List<String> names = new ArrayList<>();

    private RecordRates rates(String per) {
        return new RecordRates(
                TestOptions.of(
                                Ordering.UNORDERED,
                                100,
                                0.5,
                                null,
                                2,
                                Map.of("rate-limit.rate", 10, "rate-limit.per", per, "rate-limit.shared", "limits"))
                        .overload(),
                "name",
                (bucket, most, rate) -> {
                    names.add(bucket);
                    return CompletableFuture.completedFuture(new Grant(most, 0));
                },
                () -> 0);
    }

    private static void pass(RecordRates rates, ConsumerRecord<?, ?> record) {
        QueuedRecord queued = new QueuedRecord(record, null, 0, 0, null, 5);
        rates.prepare(queued);
        rates.tryPass(queued, queued.rateGroup, 0);
    }

    private String nameOf(Object key) {
        names.clear();
        pass(rates("key"), new ConsumerRecord<>("topic", 0, 0, key, "value"));
        return names.get(0);
    }

    static Stream<Arguments> keys() {
        return Stream.of(
                Arguments.of("tenant", "name:tenant"),
                Arguments.of(7L, "name:7"),
                Arguments.of(new UUID(1, 2), "name:" + new UUID(1, 2)),
                Arguments.of(Ordering.KEY, "name:KEY"),
                Arguments.of(new byte[] {1, (byte) 0xab}, "name:01ab"),
                Arguments.of(ByteBuffer.wrap(new byte[] {0, 1, 2}, 1, 2), "name:0102"),
                Arguments.of(Bytes.wrap(new byte[] {1, 2}), "name:0102"),
                Arguments.of(null, "name:(no key)"));
    }

    @ParameterizedTest
    @MethodSource("keys")
    void aKeysBucketHasTheSameNameInEachInstance(Object key, String name) {
        assertThat(nameOf(key)).isEqualTo(name);
    }

    record Tenant(byte[] id) {}

    /** Their hashes need not be the same in two instances, so that each would have a bucket of its own. */
    @Test
    void keysWithoutSuchANameShareABucket() {
        assertThat(Set.of(nameOf(new Tenant(new byte[] {1}))))
                .containsExactly(nameOf(new Tenant(new byte[] {2})))
                .containsExactly(nameOf(new Object()))
                .containsExactly("name:(other keys)");
    }

    @Test
    void aHeaderThatIsEmptyIsAsOneThatIsNotThere() {
        ConsumerRecord<?, ?> without = new ConsumerRecord<>("topic", 0, 0, "key", "value");
        ConsumerRecord<?, ?> empty = new ConsumerRecord<>("topic", 0, 0, "key", "value");
        empty.headers().add("tenant", new byte[0]);

        pass(rates("header:tenant"), without);
        pass(rates("header:tenant"), empty);

        assertThat(names).containsExactly("name", "name");
    }
}
