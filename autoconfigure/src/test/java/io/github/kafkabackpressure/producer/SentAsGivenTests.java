package io.github.kafkabackpressure.producer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.BufferState;
import io.github.kafkabackpressure.RecordNotSentException;
import io.micrometer.context.ContextRegistry;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationRegistry;
import io.micrometer.observation.contextpropagation.ObservationThreadLocalAccessor;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.Cluster;
import org.apache.kafka.common.utils.Bytes;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.slf4j.MDC;

/** What a caller changes after {@code send} has returned does not change what is sent. */
class SentAsGivenTests {

    private final Kafka kafka = new Kafka();

    private final SendPipeline<Object, Object> pipeline =
            new SendPipeline<>("template", lingering(), null, null, new Around(kafka), System::nanoTime);

    @AfterEach
    void clear() {
        MDC.clear();
    }

    private static ProducerOptions lingering() {
        ProducerOptions usual = ProducerOptions.defaults();
        return new ProducerOptions(
                usual.limits(),
                usual.overflow(),
                usual.maxBlock(),
                usual.maxInFlight(),
                new ProducerOptions.Batching(1000, Duration.ofHours(1)),
                usual.priorities(),
                null,
                null,
                null,
                Duration.ofSeconds(5));
    }

    @Test
    void oneArrayThatIsUsedForManySendsIsSentAsItWasEachTime() throws Exception {
        byte[] reused = new byte[1];
        for (int i = 0; i < 100; i++) {
            reused[0] = (byte) i;
            pipeline.send(new ProducerRecord<>("topic", reused, reused), 5, null);
        }
        pipeline.flush();

        assertThat(kafka.sent).hasSize(100);
        for (int i = 0; i < 100; i++) {
            assertThat((byte[]) kafka.sent.get(i).value()).containsExactly(i);
            assertThat((byte[]) kafka.sent.get(i).key()).containsExactly(i);
        }
    }

    @Test
    void buffersBytesAndHeadersAreCopied() throws Exception {
        byte[] array = {1, 2, 3, 4};
        ByteBuffer buffer = ByteBuffer.wrap(array, 1, 2);
        ProducerRecord<Object, Object> record = new ProducerRecord<>("topic", new Bytes(array), buffer);
        record.headers().add("name", array);

        pipeline.send(record, 5, null);
        array[1] = 9;
        buffer.position(3);
        record.headers().add("late", array);
        pipeline.flush();

        ProducerRecord<Object, Object> sent = kafka.sent.get(0);
        assertThat(((Bytes) sent.key()).get()).containsExactly(1, 2, 3, 4);
        ByteBuffer value = (ByteBuffer) sent.value();
        assertThat(value.position()).isEqualTo(1);
        assertThat(value.remaining()).isEqualTo(2);
        assertThat(value.get(1)).isEqualTo((byte) 2);
        assertThat(sent.headers().toArray()).hasSize(1);
        assertThat(sent.headers().lastHeader("name").value()).containsExactly(1, 2, 3, 4);
    }

    @Test
    void nothingInBytesIsNothing() throws Exception {
        pipeline.send(new ProducerRecord<>("topic", new Bytes(null)), 5, null);
        pipeline.flush();

        assertThat(((Bytes) kafka.sent.get(0).value()).get()).isNull();
    }

    @Test
    void theTimestampIsThatOfTheSend() throws Exception {
        long before = System.currentTimeMillis();
        pipeline.send(new ProducerRecord<>("topic", "value"), 5, null);
        pipeline.send(new ProducerRecord<>("topic", null, 42L, "key", "value"), 5, null);
        long after = System.currentTimeMillis();
        pipeline.flush();

        assertThat(kafka.sent.get(0).timestamp()).isBetween(before, after);
        assertThat(kafka.sent.get(1).timestamp()).isEqualTo(42);
    }

    @Test
    void theCallersDiagnosticContextIsThereWhenItsRecordIsHandedOver() throws Exception {
        MDC.put("request", "1");
        pipeline.send(new ProducerRecord<>("topic", "value"), 5, null);
        MDC.put("request", "2");
        pipeline.send(new ProducerRecord<>("topic", "value"), 5, null);
        MDC.clear();
        pipeline.send(new ProducerRecord<>("topic", "value"), 5, null);
        pipeline.flush();

        assertThat(kafka.requests).containsExactly("1", "2", "none");
    }

    @Test
    void oneArrayThatIsUsedForManySendsIsSentAsItWasAlsoUnderLoad() {
        List<byte[]> serialized = new CopyOnWriteArrayList<>();
        MockProducer<Object, Object> loaded =
                new MockProducer<>(false, null, (topic, key) -> new byte[0], (topic, value) -> {
                    serialized.add(((byte[]) value).clone());
                    return (byte[]) value;
                });
        SendPipeline<Object, Object> usual =
                new SendPipeline<>("template", window(4), null, null, new Around(loaded), System::nanoTime);
        byte[] reused = new byte[2];
        for (int i = 0; i < 300; i++) {
            reused[0] = (byte) i;
            reused[1] = (byte) (i >> 8);
            usual.send(new ProducerRecord<>("topic", reused), 5, null);
        }
        assertThat(serialized).hasSizeLessThan(100); // the others wait

        Awaitility.await().pollInterval(Duration.ofMillis(1)).until(() -> {
            while (loaded.completeNext()) {}
            return usual.isIdle() && usual.stats().accepted() == 300;
        });

        assertThat(serialized).hasSize(300);
        for (int i = 0; i < 300; i++) {
            assertThat(serialized.get(i)).containsExactly(i & 0xff, i >> 8);
        }
    }

    @Test
    void theCallersObservationAndWhatIsPropagatedAreThereInKafkasPartitioner() throws Exception {
        ObservationRegistry observations = ObservationRegistry.create();
        observations.observationConfig().observationHandler(context -> true);
        ObservationThreadLocalAccessor accessor = new ObservationThreadLocalAccessor(observations);
        ThreadLocal<String> tenant = new ThreadLocal<>();
        ContextRegistry.getInstance().registerThreadLocalAccessor(accessor);
        ContextRegistry.getInstance().registerThreadLocalAccessor("tenant", tenant);
        List<String> seen = new CopyOnWriteArrayList<>();
        MockProducer<Object, Object> partitioning =
                new MockProducer<>(
                        Cluster.empty(), true, null, (topic, key) -> new byte[0], (topic, value) -> new byte[0]) {

                    @Override
                    public Future<RecordMetadata> send(ProducerRecord<Object, Object> record, Callback callback) {
                        Observation current = observations.getCurrentObservation();
                        seen.add(tenant.get() + "/"
                                + (current == null ? null : current.getContext().getName()));
                        return super.send(record, callback);
                    }
                };
        SendPipeline<Object, Object> observed =
                new SendPipeline<>("template", lingering(), null, null, new Around(partitioning), System::nanoTime);
        try {
            tenant.set("one");
            Observation request = Observation.start("request", observations);
            Observation template = Observation.start("template", observations);
            try (Observation.Scope ofTheRequest = request.openScope()) {
                assertThat(ofTheRequest.getCurrentObservation()).isSameAs(request);
                observed.send(new ProducerRecord<>("topic", "value"), 5, template);
                observed.send(new ProducerRecord<>("topic", "value"), 5, null);
            }
            tenant.set("two");
            observed.send(new ProducerRecord<>("topic", "value"), 5, null);
            tenant.remove();
            observed.send(new ProducerRecord<>("topic", "value"), 5, null);
            observed.flush();
        } finally {
            ContextRegistry.getInstance().removeThreadLocalAccessor("tenant");
            ContextRegistry.getInstance().removeThreadLocalAccessor(ObservationThreadLocalAccessor.KEY);
            ContextRegistry.getInstance().registerThreadLocalAccessor(new ObservationThreadLocalAccessor());
        }

        assertThat(seen).containsExactly("one/template", "one/request", "two/null", "null/null");
    }

    private static ProducerOptions window(int records) {
        ProducerOptions usual = ProducerOptions.defaults();
        return new ProducerOptions(
                usual.limits(),
                usual.overflow(),
                usual.maxBlock(),
                records,
                usual.batching(),
                usual.priorities(),
                null,
                null,
                null,
                Duration.ofSeconds(5));
    }

    private static final class Kafka extends MockProducer<Object, Object> {

        private final List<ProducerRecord<Object, Object>> sent = new CopyOnWriteArrayList<>();
        private final List<String> requests = new ArrayList<>();

        private Kafka() {
            super(true, null, (topic, key) -> new byte[0], (topic, value) -> new byte[0]);
        }

        @Override
        public Future<RecordMetadata> send(ProducerRecord<Object, Object> record, Callback callback) {
            requests.add(String.valueOf(MDC.get("request") == null ? "none" : MDC.get("request")));
            sent.add(record);
            return super.send(record, callback);
        }
    }

    private record Around(Producer<Object, Object> producer) implements Surroundings<Object, Object> {

        @Override
        public void forgetProducer(Producer<Object, Object> closed) {}

        @Override
        public void delivered(ProducerRecord<Object, Object> record, RecordMetadata metadata) {
            throw new AssertionError("of a listener");
        }

        @Override
        public void failed(
                ProducerRecord<Object, Object> record, @Nullable RecordMetadata metadata, Exception failure) {}

        @Override
        public void undelivered(ProducerRecord<Object, Object> record, RecordNotSentException failure) {}

        @Override
        public void stateChanged(BufferState state, int buffered) {}
    }
}
