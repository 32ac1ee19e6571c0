package io.github.kafkabackpressure.test;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ApplicationContextInitializer;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.support.GenericApplicationContext;

/** Starts small applications the way users do: auto-configured, with the given properties. */
public final class TestApp {

    private TestApp() {}

    /** Starts an application of the given configuration classes, with a broker and {@code key=value} properties. */
    public static ConfigurableApplicationContext start(String brokers, List<Class<?>> classes, String... properties) {
        return start(brokers, context -> {}, classes, properties);
    }

    /** As the other method, with an initializer that may register beans before the context is refreshed. */
    public static ConfigurableApplicationContext start(
            String brokers,
            ApplicationContextInitializer<GenericApplicationContext> initializer,
            List<Class<?>> classes,
            String... properties) {
        return start(WebApplicationType.NONE, brokers, initializer, classes, properties);
    }

    /** As the other methods, with a web server on a free port. */
    public static ConfigurableApplicationContext startWeb(
            WebApplicationType type, String brokers, List<Class<?>> classes, String... properties) {
        List<String> all = new ArrayList<>(List.of("server.port=0", "server.address=127.0.0.1"));
        all.addAll(Arrays.asList(properties));
        return start(type, brokers, context -> {}, classes, all.toArray(String[]::new));
    }

    private static ConfigurableApplicationContext start(
            WebApplicationType type,
            String brokers,
            ApplicationContextInitializer<GenericApplicationContext> initializer,
            List<Class<?>> classes,
            String... properties) {
        List<String> all = new ArrayList<>(List.of(
                "spring.kafka.bootstrap-servers=" + brokers,
                "spring.kafka.consumer.auto-offset-reset=earliest",
                "spring.main.banner-mode=off",
                "spring.main.register-shutdown-hook=false",
                "spring.jmx.enabled=false"));
        all.addAll(Arrays.asList(properties));
        Class<?>[] sources = new Class<?>[classes.size() + 1];
        sources[0] = Auto.class;
        for (int i = 0; i < classes.size(); i++) {
            sources[i + 1] = classes.get(i);
        }
        SpringApplication application = new SpringApplicationBuilder(sources)
                .web(type)
                .initializers(initializer)
                .build();
        // As arguments: an embedded broker leaves its address in a system property, which outranks other properties.
        // The last one of a name counts.
        Map<String, String> arguments = new LinkedHashMap<>();
        for (String property : all) {
            arguments.put(property.substring(0, property.indexOf('=')), "--" + property);
        }
        return application.run(arguments.values().toArray(String[]::new));
    }

    /** Auto-configuration alone. */
    @Configuration(proxyBeanMethods = false)
    @EnableAutoConfiguration
    static class Auto {}
}
