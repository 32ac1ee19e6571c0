package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.test.TestApp;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.config.KafkaListenerEndpointRegistry;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.listener.CommonErrorHandler;
import org.springframework.kafka.listener.DefaultErrorHandler;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;
import org.springframework.util.backoff.FixedBackOff;

/** A batch whose last attempt waits for a worker when its partition leaves. */
@EmbeddedKafka(partitions = 2, topics = "leaving")
class LeavingBatchIT {

    private static final int DRAIN_SECONDS = 2;

    @Test
    void recordsWhoseLastAttemptCouldNotBeMadeAreNotRecoveredButComeAgain(EmbeddedKafkaBroker broker) {
        try (ConfigurableApplicationContext context = TestApp.start(
                broker.getBrokersAsString(),
                List.of(Beans.class),
                "kafka.backpressure.listener.max-concurrency=1",
                "kafka.backpressure.listener.drain-timeout=" + DRAIN_SECONDS + "s")) {
            Beans beans = context.getBean(Beans.class);
            @SuppressWarnings("unchecked")
            KafkaTemplate<String, String> template = context.getBean(KafkaTemplate.class);
            template.send("leaving", 0, "a", "fails");
            await().until(() -> beans.failed.get() == 1);
            template.send("leaving", 1, "b", "hangs");
            await().until(() -> beans.hanging.getCount() == 0);
            // The back-off is over in a moment, and then the attempt waits for the only worker.
            await().pollDelay(Duration.ofMillis(1500)).until(() -> true);

            context.getBean(KafkaListenerEndpointRegistry.class)
                    .getListenerContainer("leaving")
                    .stop();
            beans.goOn.countDown();
            assertThat(beans.failed).hasValue(1);
            assertThat(beans.recovered).isEmpty();

            context.getBean(KafkaListenerEndpointRegistry.class)
                    .getListenerContainer("leaving")
                    .start();
            await().until(() -> beans.recovered.contains("fails")); // after both of its attempts
            assertThat(beans.failed).hasValueGreaterThanOrEqualTo(3);
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class Beans {

        private final AtomicInteger failed = new AtomicInteger();

        private final CountDownLatch hanging = new CountDownLatch(1);

        private final CountDownLatch goOn = new CountDownLatch(1);

        private final Queue<Object> recovered = new ConcurrentLinkedQueue<>();

        @Bean
        CommonErrorHandler errorHandler() {
            return new DefaultErrorHandler(
                    (record, exception) -> recovered.add(record.value()), new FixedBackOff(1000, 1));
        }

        @BackpressuredListener(id = "leaving", topics = "leaving", batch = "true")
        void handle(List<String> values) throws InterruptedException {
            if (values.contains("fails")) {
                failed.incrementAndGet();
                throw new IllegalStateException("the method failed");
            }
            hanging.countDown();
            goOn.await();
        }
    }
}
