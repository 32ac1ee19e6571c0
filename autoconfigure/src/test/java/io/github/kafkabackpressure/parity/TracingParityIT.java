package io.github.kafkabackpressure.parity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.parity.ParityApps.Run;
import io.github.kafkabackpressure.parity.ParityApps.Seen;
import io.micrometer.observation.ObservationRegistry;
import io.micrometer.tracing.Span;
import io.micrometer.tracing.Tracer;
import io.micrometer.tracing.handler.PropagatingReceiverTracingObservationHandler;
import io.micrometer.tracing.handler.PropagatingSenderTracingObservationHandler;
import io.micrometer.tracing.otel.bridge.OtelCurrentTraceContext;
import io.micrometer.tracing.otel.bridge.OtelPropagator;
import io.micrometer.tracing.otel.bridge.OtelTracer;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.propagation.ContextPropagators;
import io.opentelemetry.sdk.trace.ReadWriteSpan;
import io.opentelemetry.sdk.trace.ReadableSpan;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.SpanProcessor;
import io.opentelemetry.sdk.trace.data.SpanData;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.listener.DeadLetterPublishingRecoverer;
import org.springframework.kafka.listener.DefaultErrorHandler;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;
import org.springframework.util.backoff.FixedBackOff;

/** A real tracer, whose current span is bound to the thread: the same spans with both annotations. */
@EmbeddedKafka(partitions = 1)
class TracingParityIT {

    private final EmbeddedKafkaBroker broker;

    private ParityApps apps;

    TracingParityIT(EmbeddedKafkaBroker broker) {
        this.broker = broker;
    }

    @AfterEach
    void stop() {
        apps.close();
    }

    /** Keeps the spans that have ended. */
    static class Ended implements SpanProcessor {

        private final Queue<SpanData> spans = new ConcurrentLinkedQueue<>();

        @Override
        public void onStart(Context parent, ReadWriteSpan span) {}

        @Override
        public boolean isStartRequired() {
            return false;
        }

        @Override
        public void onEnd(ReadableSpan span) {
            spans.add(span.toSpanData());
        }

        @Override
        public boolean isEndRequired() {
            return true;
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class Tracing {

        @Bean
        Ended ended() {
            return new Ended();
        }

        @Bean
        SdkTracerProvider tracers(Ended ended) {
            return SdkTracerProvider.builder().addSpanProcessor(ended).build();
        }

        @Bean
        Tracer tracer(SdkTracerProvider tracers) {
            return new OtelTracer(tracers.get("parity"), new OtelCurrentTraceContext(), event -> {});
        }

        @Bean
        ObservationRegistry observations(SdkTracerProvider tracers, Tracer tracer) {
            OtelPropagator propagator = new OtelPropagator(
                    ContextPropagators.create(W3CTraceContextPropagator.getInstance()), tracers.get("parity"));
            ObservationRegistry registry = ObservationRegistry.create();
            registry.observationConfig()
                    .observationHandler(new PropagatingReceiverTracingObservationHandler<>(tracer, propagator))
                    .observationHandler(new PropagatingSenderTracingObservationHandler<>(tracer, propagator));
            return registry;
        }

        @Bean
        DefaultErrorHandler errorHandler(KafkaTemplate<?, ?> template) {
            return new DefaultErrorHandler(new DeadLetterPublishingRecoverer(template), new FixedBackOff(10, 1));
        }
    }

    static class Listeners {

        private final Seen seen;

        private final Tracer tracer;

        Listeners(Seen seen, Tracer tracer) {
            this.seen = seen;
            this.tracer = tracer;
        }

        private void seen(String what) {
            Span span = tracer.currentSpan();
            seen.add(what, span == null ? "none" : span.context().traceId());
            seen.add("threads", Thread.currentThread());
        }

        @BackpressuredListener(id = "traced")
        void traced(String value) {
            seen("traced " + value);
            if (value.startsWith("fail")) {
                throw new IllegalStateException(value);
            }
        }

        @BackpressuredListener(id = "traced-later")
        CompletableFuture<Void> tracedLater(String value) {
            seen("traced-later " + value);
            return CompletableFuture.runAsync(
                    () -> {
                        if (value.startsWith("fail")) {
                            throw new IllegalStateException(value);
                        }
                    },
                    CompletableFuture.delayedExecutor(30, TimeUnit.MILLISECONDS));
        }
    }

    /** Sends a record within a trace of its own, waits until so many spans of it have ended, and describes them. */
    private List<String> trace(Run run, String topic, String value, int count) {
        Tracer tracer = apps.bean(run, Tracer.class);
        Span root = tracer.nextSpan().name("root").start();
        try (Tracer.SpanInScope scope = tracer.withSpan(root)) {
            apps.send(run, topic, value);
        } finally {
            root.end();
        }
        String trace = root.context().traceId();
        await().untilAsserted(() -> assertThat(spans(run, trace)).hasSize(count));
        assertThat(apps.seen(run, topic + " " + value)).isNotEmpty().containsOnly(trace);
        return spans(run, trace).values().stream()
                .map(span ->
                        describe(span) + " in " + describe(spans(run, trace).get(span.getParentSpanId())))
                .map(text -> text.replace(run.name(""), ""))
                .sorted()
                .toList();
    }

    private Map<String, SpanData> spans(Run run, String trace) {
        return apps.bean(run, Ended.class).spans.stream()
                .filter(span -> span.getTraceId().equals(trace))
                .collect(Collectors.toMap(SpanData::getSpanId, Function.identity()));
    }

    private static String describe(SpanData span) {
        return span == null ? "nothing" : span.getName() + (span.getEvents().isEmpty() ? "" : " failed");
    }

    private void checkTraces(String... properties) {
        List<String> all = new ArrayList<>(List.of(properties));
        all.add("spring.kafka.template.observation-enabled=true");
        all.add("spring.kafka.listener.observation-enabled=true");
        all.add("spring.kafka.listener.poll-timeout=200ms"); // after which @KafkaListener retries a failed result
        apps = new ParityApps(broker, List.of(Tracing.class, Listeners.class), all.toArray(String[]::new));
        for (Run run : Run.values()) {
            for (String topic : List.of("traced", "traced-later")) {
                assertThat(trace(run, topic, "a", 3))
                        .containsExactly(
                                "root in nothing", topic + " process in " + topic + " send", topic + " send in root");
            }
            assertThat(trace(run, "traced", "fail b", 5))
                    .containsExactly(
                            "root in nothing",
                            "traced process failed in traced send",
                            "traced process failed in traced send",
                            "traced send in root",
                            "traced-dlt send in traced process failed");
            boolean own = run == Run.BACKPRESSURED_LISTENER;
            // With @KafkaListener the dead letter of a failed result belongs to no trace.
            List<String> later = trace(run, "traced-later", "fail b", own ? 5 : 4);
            assertThat(later)
                    .startsWith(
                            "root in nothing",
                            "traced-later process failed in traced-later send",
                            "traced-later process failed in traced-later send",
                            "traced-later send in root");
            if (own) {
                assertThat(later).endsWith("traced-later-dlt send in traced-later process failed");
            }
        }
    }

    @Test
    void handlingIsPartOfTheTraceThatTheRecordBrings() {
        checkTraces();
    }

    @Test
    @EnabledForJreRange(min = JRE.JAVA_21)
    void handlingOnVirtualThreadsIsPartOfTheTraceThatTheRecordBrings() {
        checkTraces("spring.threads.virtual.enabled=true");
        assertThat(apps.seen(Run.BACKPRESSURED_LISTENER, "threads"))
                .allMatch(thread -> thread.startsWith("VirtualThread"));
    }
}
