package io.github.kafkabackpressure.sample;

import org.apache.kafka.clients.admin.NewTopic;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.kafka.autoconfigure.KafkaConnectionDetails;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.kafka.config.TopicBuilder;
import org.springframework.scheduling.annotation.EnableScheduling;

/** The application. Ends by itself after {@code sample.seconds}; Ctrl-C or a SIGTERM ends it earlier, in good order. */
@SpringBootApplication
@EnableScheduling
@EnableConfigurationProperties(SampleProperties.class)
public class SampleApplication {

    static final String ORDERS = "sample-orders";

    static final String PRICES = "sample-prices";

    /** Starts it. */
    public static void main(String[] args) throws InterruptedException {
        ConfigurableApplicationContext context = SpringApplication.run(SampleApplication.class, args);
        System.out.println("Orders go to the topic " + ORDERS + " at "
                + context.getBean(KafkaConnectionDetails.class).getBootstrapServers() + ".");
        System.out.println("See it work at http://localhost:"
                + context.getEnvironment().getProperty("local.server.port") + "/ . Ctrl-C ends this.");
        Thread.sleep(context.getBean(SampleProperties.class).seconds() * 1000L);
        System.exit(SpringApplication.exit(context));
    }

    @Bean
    NewTopic orders(SampleProperties properties) {
        return TopicBuilder.name(ORDERS).partitions(properties.partitions()).build();
    }

    @Bean
    NewTopic prices(SampleProperties properties) {
        return TopicBuilder.name(PRICES).partitions(properties.partitions()).build();
    }
}
