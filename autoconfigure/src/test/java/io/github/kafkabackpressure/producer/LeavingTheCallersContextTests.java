package io.github.kafkabackpressure.producer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.SendOutcome;
import io.micrometer.context.ContextRegistry;
import io.micrometer.context.ThreadLocalAccessor;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationHandler;
import io.micrometer.observation.ObservationRegistry;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.slf4j.MDC;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.kafka.support.SendResult;

/** What throws when the sender leaves a caller's context does not change what becomes of the record. */
@Timeout(60)
@ExtendWith(OutputCaptureExtension.class)
class LeavingTheCallersContextTests {

    private final MockProducer<String, String> kafka =
            new MockProducer<>(false, null, new StringSerializer(), new StringSerializer());

    private final SendPipeline<String, String> pipeline = new SendPipeline<>(
            "template", ProducerOptions.defaults(), null, null, new ToProducer(() -> kafka), System::nanoTime);

    private final ObservationRegistry observations = ObservationRegistry.create();

    @AfterEach
    void clear() {
        MDC.clear();
        pipeline.closeIntake();
    }

    /** Not by the caller itself. */
    private CompletableFuture<SendResult<String, String>> handOver(@Nullable Observation observation) throws Exception {
        CompletableFuture<SendResult<String, String>> send =
                pipeline.trySend(new ProducerRecord<>("topic", "value"), 5, observation);
        pipeline.flush();
        return send;
    }

    @Test
    void aScopeThatCannotBeClosedFailsNoRecordThatKafkaHas(CapturedOutput output) throws Exception {
        observations.observationConfig().observationHandler(new Unclosable());
        MDC.put("request", "1");

        CompletableFuture<SendResult<String, String>> first = handOver(Observation.start("template", observations));
        CompletableFuture<SendResult<String, String>> second = handOver(Observation.start("template", observations));

        assertThat(kafka.history()).hasSize(2);
        assertThat(List.of(first, second)).noneMatch(CompletableFuture::isDone);
        assertThat(pipeline.stats().inFlight()).isEqualTo(2);
        assertThat(output.toString().split("could not be left", -1))
                .as("told once")
                .hasSize(2);
        kafka.completeNext();
        kafka.completeNext();
        assertThat(List.of(first, second)).allMatch(send -> send.isDone() && !send.isCompletedExceptionally());
        assertThat(pipeline.stats().ended(SendOutcome.DELIVERED)).isEqualTo(2);
        assertThat(pipeline.stats().inFlight()).isZero();
    }

    @Test
    void nothingOfAScopeThatCannotBeClosedIsThereForTheNextRecord() throws Exception {
        observations.observationConfig().observationHandler(new Unclosable());
        List<String> seen = new CopyOnWriteArrayList<>();
        MockProducer<String, String> looking =
                new MockProducer<>(true, null, new StringSerializer(), (topic, value) -> {
                    Observation current = observations.getCurrentObservation();
                    seen.add(current == null ? "none" : current.getContext().getName());
                    return new byte[0];
                });
        SendPipeline<String, String> observed = new SendPipeline<>(
                "template", ProducerOptions.defaults(), null, null, new ToProducer(() -> looking), System::nanoTime);
        observed.trySend(new ProducerRecord<>("topic", "value"), 5, Observation.start("template", observations));
        observed.flush();
        observed.trySend(new ProducerRecord<>("topic", "value"), 5, null);
        observed.flush();
        observed.closeIntake();

        assertThat(seen).containsExactly("template", "none");
    }

    @Test
    void whatIsPropagatedAndCannotBeRestoredFailsNoRecordThatKafkaHas() throws Exception {
        Unrestorable tenant = new Unrestorable();
        ContextRegistry.getInstance().registerThreadLocalAccessor(tenant);
        CompletableFuture<SendResult<String, String>> send;
        try {
            tenant.setValue("one");
            send = handOver(null);
        } finally {
            ContextRegistry.getInstance().removeThreadLocalAccessor(tenant.key());
        }

        assertThat(kafka.history()).hasSize(1);
        assertThat(send).isNotDone();
        kafka.completeNext();
        assertThat(send).succeedsWithin(Duration.ZERO);
    }

    @Test
    void aRecordThatKafkaRefusesFailsWithItsReasonAlsoIfItsScopeCannotBeClosed() throws Exception {
        observations.observationConfig().observationHandler(new Unclosable());
        kafka.sendException = new IllegalArgumentException("of Kafka");

        CompletableFuture<SendResult<String, String>> send = handOver(Observation.start("template", observations));

        assertThat(send)
                .failsWithin(Duration.ZERO)
                .withThrowableThat()
                .havingRootCause()
                .withMessage("of Kafka");
    }

    @Test
    void aRecordWhoseScopeCannotBeOpenedFailsUnsent() throws Exception {
        observations.observationConfig().observationHandler(new Unopenable());

        CompletableFuture<SendResult<String, String>> send = handOver(Observation.start("template", observations));

        assertThat(send).isCompletedExceptionally();
        assertThat(kafka.history()).isEmpty();
        assertThat(pipeline.stats().inFlight()).isZero();
    }

    private static final class Unclosable implements ObservationHandler<Observation.Context> {

        @Override
        public void onScopeClosed(Observation.Context context) {
            throw new AssertionError("of a handler");
        }

        @Override
        public boolean supportsContext(Observation.Context context) {
            return true;
        }
    }

    private static final class Unopenable implements ObservationHandler<Observation.Context> {

        @Override
        public void onScopeOpened(Observation.Context context) {
            throw new IllegalStateException("of a handler");
        }

        @Override
        public boolean supportsContext(Observation.Context context) {
            return true;
        }
    }

    private static final class Unrestorable implements ThreadLocalAccessor<String> {

        private final ThreadLocal<String> value = new ThreadLocal<>();

        @Override
        public Object key() {
            return "unrestorable";
        }

        @Override
        public @Nullable String getValue() {
            return value.get();
        }

        @Override
        public void setValue(String value) {
            this.value.set(value);
        }

        @Override
        public void setValue() {
            value.remove();
        }

        @Override
        public void restore() {
            throw new IllegalStateException("of an accessor");
        }

        @Override
        public void restore(String previous) {
            throw new IllegalStateException("of an accessor");
        }
    }
}
