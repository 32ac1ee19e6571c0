package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.Ordering;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.IntFunction;
import java.util.stream.Stream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.utils.Bytes;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Keys of records that wait in a room: of which classes ever, and without the room's lock. */
@Timeout(60)
class KeysOfWaitingRecordsTests {

    private static final TopicPartition PARTITION = new TopicPartition("topic", 0);

    private static final int POLL = 50;

    private static final Map<String, ?> ONE_FOR_EACH_KEY =
            Map.of("rate-limit.window-records", 1, "rate-limit.window", "1h", "rate-limit.per", "key");

    private final SteppedKafka kafka = new SteppedKafka(POLL, List.of(PARTITION));

    private int end;

    private final List<Long> started = new ArrayList<>();

    private static SteppedListener listener;

    private static int hashed;

    private static int compared;

    private static boolean lockWasHeld;

    private static void lookAtLock() {
        CompletableFuture<Integer> asked = CompletableFuture.supplyAsync(listener.container.side.overload.room()::size);
        try {
            asked.get(lockWasHeld ? 0 : 5, TimeUnit.SECONDS);
        } catch (TimeoutException e) {
            lockWasHeld = true;
        } catch (InterruptedException | ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }

    private static final class Key {

        private final int id;

        private Key(int id) {
            this.id = id;
        }

        @Override
        public boolean equals(Object other) {
            compared++;
            lookAtLock();
            return other instanceof Key key && key.id == id;
        }

        @Override
        public int hashCode() {
            hashed++;
            lookAtLock();
            return id;
        }
    }

    private void start(Ordering ordering, Map<String, ?> options) {
        hashed = 0;
        compared = 0;
        lockWasHeld = false;
        listener = new SteppedListener(
                kafka,
                TestOptions.of(ordering, 1000, 0.5, null, 20, options),
                POLL,
                false,
                new SteppedListener.Observer() {
                    @Override
                    public void started(ConsumerRecord<?, ?> record) {
                        started.add(record.offset());
                    }

                    @Override
                    public void finished(ConsumerRecord<?, ?> record, boolean counts) {}
                });
        kafka.rebalance(List.of(PARTITION));
    }

    /** Appends records with keys by the number of the record, and polls them. */
    private void poll(int records, IntFunction<Object> keys) {
        for (int last = end + records; end < last; end++) {
            kafka.append(PARTITION, end, keys.apply(end));
        }
        listener.poll();
    }

    private static int waiting() {
        return listener.container.side.overload.room().size();
    }

    @Test
    void aKeysHashIsAskedForWithoutTheRoomsLock() {
        start(Ordering.KEY, Map.of("overflow", "drop-oldest"));
        poll(POLL, number -> new Key(number % 5));

        assertThat(hashed).isGreaterThanOrEqualTo(POLL);
        assertThat(lockWasHeld).isFalse();
        assertThat(waiting()).isEqualTo(POLL);
    }

    @Test
    void keysAreComparedWithoutTheRoomsLockWhereTheNewestOfEachIsKept() {
        start(Ordering.KEY, Map.of("overflow", "conflate"));
        poll(POLL, number -> new Key(number % 5));

        assertThat(compared).isPositive();
        assertThat(lockWasHeld).isFalse();
        assertThat(waiting()).isEqualTo(5);
        listener.runWorkers();
        assertThat(started).containsExactlyInAnyOrder(45L, 46L, 47L, 48L, 49L);
    }

    @Test
    void aBucketIsFoundWithoutTheKeysMethodsUnderALock() {
        start(Ordering.UNORDERED, ONE_FOR_EACH_KEY);
        poll(POLL, number -> new Key(number % 5));
        listener.runWorkers();

        assertThat(lockWasHeld).isFalse();
        assertThat(started).hasSize(5);
    }

    record Id(byte[] id) {}

    record Nested(List<Id> ids) {}

    /** Without {@code equals} and {@code hashCode}. */
    static final class Plain {}

    static final class Failing {

        @Override
        public boolean equals(Object other) {
            throw new UnsupportedOperationException("equals");
        }

        @Override
        public int hashCode() {
            throw new NoSuchMethodError("hashCode");
        }
    }

    static final class NotEqualToAny {

        @Override
        public boolean equals(Object other) {
            throw new UnsupportedOperationException("equals");
        }

        @Override
        public int hashCode() {
            return 1;
        }
    }

    record Colliding(int id) {

        @Override
        public int hashCode() {
            return 1;
        }
    }

    static final class CollidingClass {

        private final int id;

        CollidingClass(int id) {
            this.id = id;
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof CollidingClass that && that.id == id;
        }

        @Override
        public int hashCode() {
            return 1;
        }
    }

    private static Object loop() {
        List<Object> loop = new ArrayList<>();
        loop.add(loop);
        return loop;
    }

    /** Keys, of which there are as many as can be told apart by what was on the wire. */
    static Stream<Arguments> keys() {
        return Stream.of(
                key("text", number -> "key " + number % 2, 2),
                key("bytes", number -> new byte[] {(byte) (number % 2)}, 2),
                key("a buffer", number -> ByteBuffer.wrap(new byte[] {(byte) (number % 2)}), 2),
                key("Kafka's bytes", number -> Bytes.wrap(new byte[] {(byte) (number % 2)}), 2),
                key("an array", number -> new int[] {number % 2}, 2),
                key("a record around bytes", number -> new Id(new byte[] {(byte) (number % 2)}), 2),
                key("a list of such", number -> new Nested(List.of(new Id(new byte[] {(byte) (number % 2)}))), 2),
                key("a constant", number -> Ordering.values()[number % 2], 2));
    }

    private static Arguments key(String name, IntFunction<Object> keys, int different) {
        return Arguments.of(Named.of(name, keys), different);
    }

    @ParameterizedTest
    @MethodSource("keys")
    void keysOfEqualContentShareABucketAndOthersDoNot(IntFunction<Object> keys, int different) {
        start(Ordering.UNORDERED, ONE_FOR_EACH_KEY);
        poll(10, keys);
        listener.runWorkers();

        assertThat(started).hasSize(different);
    }

    @ParameterizedTest
    @MethodSource("keys")
    void ofKeysOfEqualContentTheNewestIsKept(IntFunction<Object> keys, int different) {
        start(Ordering.PARTITION, Map.of("overflow", "conflate"));
        poll(10, keys);

        assertThat(waiting()).isEqualTo(different);
        for (int round = 0; round < different; round++) {
            listener.runWorkers();
            listener.finish(listener.running.get(0));
        }
        assertThat(started).containsExactly(8L, 9L);
        assertThat(listener.run.limit.inFlight()).isZero();
    }

    static Stream<Arguments> unlikeKeys() {
        return Stream.of(
                key("one without methods", number -> new Plain(), 1),
                key("one whose methods fail", number -> new Failing(), 1),
                key("one with such a part", number -> List.of("text", new Failing()), 1),
                key("a loop", number -> loop(), 1),
                key("one that can only be hashed", number -> new NotEqualToAny(), 1));
    }

    /** Nor does any stop the consumer. */
    @ParameterizedTest
    @MethodSource("unlikeKeys")
    void keysThatCannotBeToldApartShareABucket(IntFunction<Object> keys, int ignored) {
        start(Ordering.UNORDERED, ONE_FOR_EACH_KEY);
        poll(10, keys);
        listener.runWorkers();

        assertThat(started).hasSize(1);
    }

    @ParameterizedTest
    @MethodSource("unlikeKeys")
    void ofKeysThatCannotBeComparedAllAreKept(IntFunction<Object> keys, int ignored) {
        start(Ordering.PARTITION, Map.of("overflow", "conflate"));
        poll(10, keys);

        assertThat(waiting()).isEqualTo(10);
    }

    @Test
    void keysWhoseHashesCollideAreNotDroppedForOneAnother() {
        start(Ordering.PARTITION, Map.of("overflow", "conflate"));
        poll(12, number -> number % 2 == 0 ? new Colliding(number % 6) : new CollidingClass(number % 6));

        assertThat(waiting()).isEqualTo(6);
    }
}
