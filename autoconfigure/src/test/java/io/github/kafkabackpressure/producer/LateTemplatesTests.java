package io.github.kafkabackpressure.producer;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.observation.ObservationRegistry;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.serialization.StringSerializer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.aop.framework.ProxyFactory;
import org.springframework.beans.factory.config.BeanPostProcessor;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.kafka.support.SendResult;

/** Templates and the context that they are beans of: those that it makes late, and the time that each has at the end. */
@Timeout(60)
@ExtendWith(OutputCaptureExtension.class)
class LateTemplatesTests {

    private final AnnotationConfigApplicationContext context = new AnnotationConfigApplicationContext();

    private final ObservationRegistry observations = ObservationRegistry.create();

    private static ProducerOptions options(ProducerOptions.@Nullable SpoolOptions spool, Duration flushTimeout) {
        ProducerOptions usual = ProducerOptions.defaults();
        return new ProducerOptions(
                usual.limits(),
                usual.overflow(),
                usual.maxBlock(),
                usual.maxInFlight(),
                usual.batching(),
                usual.priorities(),
                null,
                null,
                spool,
                flushTimeout);
    }

    private void registerTemplate(String name, FakeFactory factory, ProducerOptions options, boolean lazy) {
        context.registerBean(
                name,
                BackpressuredKafkaTemplate.class,
                () -> new BackpressuredKafkaTemplate<>(name, factory, options, ProducerMetrics.NOOP),
                definition -> definition.setLazyInit(lazy));
    }

    private void registerLifecycle(Duration flushTimeout) {
        context.registerBean(LiveProducers.class, () -> new LiveProducers());
        context.registerBean(
                ProducerFlushLifecycle.class,
                () -> new ProducerFlushLifecycle(
                        context.getBean(LiveProducers.class), flushTimeout, ProducerMetrics.NOOP, context));
    }

    /** The thread that sends what is in the spool before anything else, and then what is sent. */
    private static boolean hasSender(String template) {
        return Thread.getAllStackTraces().keySet().stream()
                .anyMatch(thread -> thread.getName().equals("kafka-backpressure-sender-" + template));
    }

    @Test
    void theSpoolOfATemplateThatIsMadeWhileTheContextRunsIsSentWithoutASend(@TempDir Path directory) {
        registerLifecycle(Duration.ofSeconds(5));
        registerTemplate(
                "made-late",
                FakeFactory.of(true),
                options(new ProducerOptions.SpoolOptions(directory, 1 << 20), Duration.ofSeconds(5)),
                true);
        context.refresh();
        assertThat(context.getBeanFactory().containsSingleton("made-late")).isFalse();

        context.getBean("made-late");

        assertThat(hasSender("made-late")).isTrue();
        context.close();
    }

    @Test
    void soItIsBehindAProxy(@TempDir Path directory) {
        context.registerBean(Proxying.class);
        registerLifecycle(Duration.ofSeconds(5));
        registerTemplate(
                "made-late-behind-a-proxy",
                FakeFactory.of(true),
                options(new ProducerOptions.SpoolOptions(directory, 1 << 20), Duration.ofSeconds(5)),
                true);
        context.refresh();

        assertThat(context.getBean("made-late-behind-a-proxy")).isNotInstanceOf(BackpressuredKafkaTemplate.class);

        assertThat(hasSender("made-late-behind-a-proxy")).isTrue();
        context.close();
    }

    @Test
    void theSpoolOfATemplateThatIsMadeWhileTheContextIsStoppedIsSentWhenItStarts(@TempDir Path directory) {
        registerLifecycle(Duration.ofSeconds(5));
        registerTemplate(
                "made-while-stopped",
                FakeFactory.of(true),
                options(new ProducerOptions.SpoolOptions(directory, 1 << 20), Duration.ofSeconds(5)),
                true);
        context.refresh();
        context.stop();
        context.getBean("made-while-stopped");
        assertThat(hasSender("made-while-stopped")).isFalse();

        context.start();

        assertThat(hasSender("made-while-stopped")).isTrue();
        context.close();
    }

    @Test
    void aTemplateThatIsMadeLateIsObservedAsOthersAre() {
        context.registerBean(ObservationRegistry.class, () -> observations);
        observations.observationConfig().observationHandler(any -> true);
        registerLifecycle(Duration.ofSeconds(5));
        FakeFactory factory = FakeFactory.of(true);
        context.registerBean(
                "observed",
                BackpressuredKafkaTemplate.class,
                () -> {
                    var template = new BackpressuredKafkaTemplate<>(
                            "observed", factory, ProducerOptions.defaults(), ProducerMetrics.NOOP);
                    template.setObservationEnabled(true);
                    return template;
                },
                definition -> definition.setLazyInit(true));
        context.refresh();
        boolean[] seen = new boolean[1];
        observations.observationConfig().observationHandler(any -> seen[0] = true);

        context.getBean("observed", BackpressuredKafkaTemplate.class).send("topic", "value");

        assertThat(seen[0]).isTrue();
        context.close();
    }

    @Test
    void aTemplateHasTheTimeOfItsOwnOptionsAtShutdownAlsoIfThePropertySaysLess(CapturedOutput output) {
        FakeFactory factory =
                new FakeFactory(() -> new MockProducer<>(false, null, new StringSerializer(), new StringSerializer()) {

                    @Override
                    public void flush() {
                        if (closed()) {
                            return;
                        }
                        try {
                            TimeUnit.MILLISECONDS.sleep(300); // a broker that answers
                        } catch (InterruptedException e) {
                            throw new InterruptException(e);
                        }
                        super.flush();
                    }
                });
        registerLifecycle(Duration.ofMillis(20));
        context.registerBean(FakeFactory.class, () -> factory);
        registerTemplate("patient", factory, options(null, Duration.ofSeconds(50)), false);
        context.refresh();
        @SuppressWarnings("unchecked")
        BackpressuredKafkaTemplate<String, String> template =
                context.getBean("patient", BackpressuredKafkaTemplate.class);
        CompletableFuture<SendResult<String, String>> send = template.send("topic", "value");

        context.close();

        assertThat(send).isCompleted();
        assertThat(output).contains("flush-timeout of 'patient' is 50000 ms, but Spring waits");
    }

    /** As auto-proxying does where it goes by interfaces. */
    private static final class Proxying implements BeanPostProcessor {

        @Override
        public Object postProcessAfterInitialization(Object bean, String beanName) {
            return bean instanceof BackpressuredKafkaTemplate ? new ProxyFactory(bean).getProxy() : bean;
        }
    }
}
