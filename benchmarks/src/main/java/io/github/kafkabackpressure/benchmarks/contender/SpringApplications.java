package io.github.kafkabackpressure.benchmarks.contender;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.springframework.boot.Banner;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.support.GenericApplicationContext;
import org.springframework.kafka.config.ContainerCustomizer;
import org.springframework.kafka.listener.ConcurrentMessageListenerContainer;

/** Spring Boot applications as users run them: auto-configured, and one bean with a listener method. */
final class SpringApplications {

    private SpringApplications() {}

    /** Starts a consuming application; {@code listener} is the class of the bean with the listener method. */
    static Probe consume(Run run, Class<?> listener, Map<String, String> properties, Class<?>... configurations) {
        SpringApplication application = new SpringApplication(Application.class, listener);
        application.addPrimarySources(List.of(configurations));
        return consume(run, application, properties);
    }

    /** Starts a consuming application that has its listeners already. */
    static Probe consume(Run run, SpringApplication application, Map<String, String> properties) {
        Probe probe = Probe.of(run);
        Map<String, Object> all = new HashMap<>();
        run.clientProperties().forEach((name, value) -> all.put("spring.kafka.consumer.properties." + name, value));
        all.putAll(properties);
        all.put("benchmark.topic", run.topic());
        all.put("spring.kafka.consumer.group-id", run.group());
        all.put("spring.kafka.consumer.auto-offset-reset", "earliest");
        all.put("spring.kafka.consumer.properties.interceptor.classes", PolledRecords.class.getName());
        if (run.load().meters() == Load.Meters.ALL) {
            application.addPrimarySources(List.of(WithoutTimer.class));
        }
        application.addInitializers(context -> {
            GenericApplicationContext beans = (GenericApplicationContext) context;
            beans.registerBean(Probe.class, () -> probe);
            beans.registerBean(Run.class, () -> run);
            if (run.load().meters() != Load.Meters.NONE) {
                beans.registerBean(MeterRegistry.class, SpringApplications::scrapedRegistry);
            }
        });
        start(application, run, all);
        return probe;
    }

    /** A registry that is read once a second, oftener than any monitoring system does. */
    private static MeterRegistry scrapedRegistry() {
        PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        Thread scrapes = new Thread(
                () -> {
                    while (!registry.isClosed()) {
                        registry.scrape();
                        LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(1));
                    }
                },
                "scrapes");
        scrapes.setDaemon(true);
        scrapes.start();
        return registry;
    }

    /** Starts an application without a listener. */
    static ConfigurableApplicationContext start(Run run, Map<String, Object> properties) {
        return start(new SpringApplication(Application.class), run, properties);
    }

    private static ConfigurableApplicationContext start(
            SpringApplication application, Run run, Map<String, Object> properties) {
        application.setBannerMode(Banner.Mode.OFF);
        application.setWebApplicationType(WebApplicationType.NONE);
        Map<String, Object> all = new HashMap<>(properties);
        all.put("spring.kafka.bootstrap-servers", run.bootstrapServers());
        all.put("spring.threads.virtual.enabled", run.load().virtualThreads());
        application.setDefaultProperties(all);
        return application.run();
    }

    @SpringBootConfiguration(proxyBeanMethods = false)
    @EnableAutoConfiguration
    static class Application {}

    /** Switches spring-kafka's own timers off. */
    @Configuration(proxyBeanMethods = false)
    static class WithoutTimer {

        @Bean
        ContainerCustomizer<Object, Object, ConcurrentMessageListenerContainer<Object, Object>> withoutTimer() {
            return container -> container.getContainerProperties().setMicrometerEnabled(false);
        }
    }
}
