package io.github.kafkabackpressure.producer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.Overflow;
import io.github.kafkabackpressure.buffer.BufferLimits;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Many senders, little room. */
@Timeout(120)
class RoomInTurnTests {

    private static final int SENDERS = 50;
    private static final int BUFFERED = 5;
    private static final int ROUNDS = 4;

    private final MockProducer<String, String> kafka =
            new MockProducer<>(false, null, new StringSerializer(), new StringSerializer());

    private final SendPipeline<String, String> pipeline =
            new SendPipeline<>("template", options(), null, null, new ToProducer(() -> kafka), System::nanoTime);

    private final AtomicInteger begun = new AtomicInteger();

    private static ProducerOptions options() {
        ProducerOptions usual = ProducerOptions.defaults();
        return new ProducerOptions(
                new BufferLimits(BUFFERED, 1 << 20, BUFFERED, 3),
                Overflow.BLOCK,
                Duration.ofHours(1),
                1,
                new ProducerOptions.Batching(1, Duration.ZERO),
                usual.priorities(),
                null,
                null,
                null,
                Duration.ofSeconds(5));
    }

    @Test
    void fiftySendersGetTheirRoomInTurn() throws Exception {
        List<Thread> senders = new ArrayList<>();
        for (int i = 0; i < SENDERS; i++) {
            String id = "sender-" + i;
            Thread sender = new Thread(
                    () -> {
                        while (pipeline.isOpen()) {
                            begun.incrementAndGet();
                            pipeline.send(new ProducerRecord<>("topic", id), 5, null);
                        }
                    },
                    id);
            senders.add(sender);
            sender.start();
            awaitThatAllWait(senders, 0);
        }

        int acknowledged = 0;
        while (acknowledged < (ROUNDS + 1) * SENDERS) {
            Awaitility.await()
                    .pollDelay(Duration.ZERO)
                    .pollInterval(Duration.ofMillis(1))
                    .until(() -> pipeline.stats().inFlight() == 1 && kafka.completeNext());
            acknowledged++;
            awaitThatAllWait(senders, acknowledged);
        }

        List<String> sent = kafka.history().stream().map(ProducerRecord::value).toList();
        // The first of them were sent while not all had begun.
        for (int from = 2 * BUFFERED; from + SENDERS <= sent.size(); from++) {
            assertThat(new HashSet<>(sent.subList(from, from + SENDERS))).hasSize(SENDERS);
        }
        assertThat(sent).hasSizeGreaterThan(ROUNDS * SENDERS);
        pipeline.closeIntake();
        for (Thread sender : senders) {
            sender.join(TimeUnit.SECONDS.toMillis(30));
        }
    }

    /** Nobody is late because the machine is: who has got room stands in the queue again before more is given. */
    private void awaitThatAllWait(List<Thread> senders, int acknowledged) {
        int accepted = acknowledged + 1 + BUFFERED;
        Awaitility.await()
                .pollDelay(Duration.ZERO)
                .pollInterval(Duration.ofMillis(1))
                .until(() -> pipeline.stats().accepted() == accepted
                        && begun.get() == accepted + senders.size()
                        && senders.stream().allMatch(sender -> sender.getState() == Thread.State.TIMED_WAITING));
    }
}
