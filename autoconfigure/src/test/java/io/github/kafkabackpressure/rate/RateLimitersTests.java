package io.github.kafkabackpressure.rate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.kafkabackpressure.autoconfigure.KafkaBackpressureProducerAutoConfiguration;
import java.io.File;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.kafka.autoconfigure.KafkaAutoConfiguration;
import org.springframework.context.annotation.Configuration;

class RateLimitersTests {

    private final AtomicLong clock = new AtomicLong(Long.MAX_VALUE - 1000);

    @Test
    void theTokenBucketAdmitsItsBurstAndThenItsRate() {
        assertThat(RateLimiters.hasTokenBucket()).isTrue();
        RateLimiter limiter = RateLimiters.tokenBucket(50, 10, 1, clock::get);
        int admitted = 0;
        for (int millis = 0; millis <= 9800; millis++) {
            while (limiter.tryAcquire() == 0) {
                admitted++;
            }
            assertThat(admitted).isLessThanOrEqualTo(10 + 50 * millis / 1000);
            clock.addAndGet(TimeUnit.MILLISECONDS.toNanos(1));
        }
        assertThat(admitted).isBetween(499, 500);
    }

    @Test
    void theTokenBucketSaysWhenTheNextMayPassAndSavesUpNoMoreThanItsBurst() {
        RateLimiter limiter = RateLimiters.tokenBucket(10, 6, 3, clock::get);
        assertThat(limiter.tryAcquire()).isZero();
        assertThat(limiter.tryAcquire()).isZero();
        assertThat(limiter.tryAcquire()).isEqualTo(TimeUnit.MILLISECONDS.toNanos(300));
        clock.addAndGet(TimeUnit.HOURS.toNanos(1));
        assertThat(limiter.tryAcquire()).isZero();
        assertThat(limiter.tryAcquire()).isZero();
        assertThat(limiter.tryAcquire()).isPositive();
    }

    @Test
    void withoutBucket4jAnApplicationStartsAndMayHaveASlidingWindow() {
        assertThatCode(() -> startWithoutBucket4j()).doesNotThrowAnyException();
        assertThatCode(() -> startWithoutBucket4j("--kafka.backpressure.producer.rate-limit.window-records=5"))
                .doesNotThrowAnyException();
    }

    @Test
    void withoutBucket4jARateStopsTheStartAndSaysWhatIsMissing() {
        assertThatThrownBy(() -> startWithoutBucket4j("--kafka.backpressure.producer.rate-limit.rate=5"))
                .rootCause()
                .hasMessageContaining("kafka.backpressure.producer.rate-limit.rate")
                .hasMessageContaining("unset, unless com.bucket4j:bucket4j_jdk17-core is on the class path");
    }

    /** In a class loader that has everything else, so that a class that needs it would not link. */
    private static void startWithoutBucket4j(String... properties) throws Exception {
        List<String> arguments = new ArrayList<>(List.of("--spring.main.web-application-type=none"));
        arguments.addAll(List.of(properties));
        List<URL> urls = new ArrayList<>();
        for (String entry : System.getProperty("java.class.path").split(File.pathSeparator, -1)) {
            if (!entry.contains("bucket4j")) {
                urls.add(Path.of(entry).toUri().toURL());
            }
        }
        ClassLoader usual = Thread.currentThread().getContextClassLoader();
        try (URLClassLoader loader =
                new URLClassLoader(urls.toArray(URL[]::new), ClassLoader.getPlatformClassLoader())) {
            Thread.currentThread().setContextClassLoader(loader);
            Class<?> application = loader.loadClass("org.springframework.boot.SpringApplication");
            AutoCloseable context = (AutoCloseable) application
                    .getMethod("run", Class.class, String[].class)
                    .invoke(null, loader.loadClass(App.class.getName()), arguments.toArray(String[]::new));
            context.close();
        } finally {
            Thread.currentThread().setContextClassLoader(usual);
        }
    }

    @Configuration(proxyBeanMethods = false)
    @ImportAutoConfiguration({KafkaAutoConfiguration.class, KafkaBackpressureProducerAutoConfiguration.class})
    static class App {}
}
