package io.github.kafkabackpressure.sample;

import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.kafka.common.utils.Exit;
import org.springframework.boot.autoconfigure.condition.ConditionalOnExpression;
import org.springframework.boot.kafka.autoconfigure.KafkaConnectionDetails;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.test.EmbeddedKafkaKraftBroker;

/**
 * A broker in this JVM, on the loopback address and in a temporary directory, unless a broker is given. All that talks
 * to Kafka is made from the connection details, so Spring destroys the broker after all of it.
 */
@Configuration(proxyBeanMethods = false)
@ConditionalOnExpression("'${spring.kafka.bootstrap-servers:}'.isEmpty()")
class EmbeddedBroker {

    @Bean
    EmbeddedKafkaKraftBroker broker() {
        // Kafka's test kit deletes the directory in a shutdown hook, which at a SIGTERM would be while the listeners
        // still drain. It deletes it when it is closed as well.
        Exit.setShutdownHookAdder((name, hook) -> {});
        EmbeddedKafkaKraftBroker broker = new EmbeddedKafkaKraftBroker(1, 1);
        broker.brokerProperty("offsets.topic.num.partitions", "1");
        PrintStream out = System.out;
        System.setOut(new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8));
        try {
            broker.afterPropertiesSet(); // prints what it formats
        } finally {
            System.setOut(out);
        }
        return broker;
    }

    @Bean
    KafkaConnectionDetails embeddedBrokerConnectionDetails(EmbeddedKafkaKraftBroker broker) {
        return () -> List.of(broker.getBrokersAsString().split(",", -1));
    }
}
