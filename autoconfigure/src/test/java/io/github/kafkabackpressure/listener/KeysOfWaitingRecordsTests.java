package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.Ordering;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Keys whose {@code hashCode} waits for something that waits for the room that records wait in. */
@Timeout(60)
class KeysOfWaitingRecordsTests {

    private static final TopicPartition PARTITION = new TopicPartition("topic", 0);

    private static final int POLL = 50;

    private final SteppedKafka kafka = new SteppedKafka(POLL, List.of(PARTITION));

    private static SteppedListener listener;

    private static int hashed;

    private static boolean lockWasHeld;

    private static final class Key {

        private final int id;

        private Key(int id) {
            this.id = id;
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Key key && key.id == id;
        }

        @Override
        public int hashCode() {
            hashed++;
            CompletableFuture<Integer> asked =
                    CompletableFuture.supplyAsync(listener.container.side.overload.room()::size);
            try {
                asked.get(lockWasHeld ? 0 : 5, TimeUnit.SECONDS);
            } catch (TimeoutException e) {
                lockWasHeld = true;
            } catch (InterruptedException | ExecutionException e) {
                throw new IllegalStateException(e);
            }
            return id;
        }
    }

    @Test
    void aKeysHashIsAskedForWithoutTheRoomsLock() {
        listener = new SteppedListener(
                kafka,
                TestOptions.of(Ordering.KEY, 1000, 0.5, null, 2, Map.of("overflow", "drop-oldest")),
                POLL,
                true,
                new SteppedListener.Observer() {
                    @Override
                    public void started(ConsumerRecord<?, ?> record) {}

                    @Override
                    public void finished(ConsumerRecord<?, ?> record, boolean counts) {}
                });
        kafka.rebalance(List.of(PARTITION));
        for (int offset = 0; offset < POLL; offset++) {
            kafka.append(PARTITION, offset, new Key(offset % 5));
        }
        listener.consumer.dispatch(listener.consumer.poll(Duration.ZERO));

        assertThat(hashed).isGreaterThanOrEqualTo(POLL);
        assertThat(lockWasHeld).isFalse();
        assertThat(listener.container.side.overload.room().size()).isEqualTo(POLL);
    }
}
