package io.github.kafkabackpressure.autoconfigure;

import io.github.kafkabackpressure.actuate.BackpressureEndpoint;
import io.github.kafkabackpressure.listener.ListenerContainers;
import io.github.kafkabackpressure.producer.BackpressuredKafkaTemplate;
import java.util.Comparator;
import java.util.List;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.actuate.autoconfigure.endpoint.condition.ConditionalOnAvailableEndpoint;
import org.springframework.boot.actuate.endpoint.Access;
import org.springframework.boot.actuate.endpoint.EndpointAccessResolver;
import org.springframework.boot.actuate.endpoint.EndpointId;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.context.annotation.Bean;
import org.springframework.core.env.Environment;

/** The actuator endpoint, where Boot's actuator is there and the endpoint is exposed. */
@AutoConfiguration(
        after = {KafkaBackpressureListenerAutoConfiguration.class, KafkaBackpressureProducerAutoConfiguration.class})
@ConditionalOnClass(ConditionalOnAvailableEndpoint.class)
public class KafkaBackpressureActuatorAutoConfiguration {

    @Bean
    @ConditionalOnMissingBean
    @ConditionalOnAvailableEndpoint(BackpressureEndpoint.class)
    BackpressureEndpoint kafkaBackpressureEndpoint(
            ListenerContainers listeners,
            ObjectProvider<BackpressuredKafkaTemplate<?, ?>> producers,
            ObjectProvider<EndpointAccessResolver> access,
            Environment environment) {
        EndpointAccessResolver resolver = access.getIfAvailable();
        return new BackpressureEndpoint(
                listeners,
                () -> inOrder(producers),
                environment.getProperty("kafka.backpressure.endpoint.show-keys", Boolean.class, false),
                resolver == null
                        || resolver.accessFor(EndpointId.of("kafkabackpressure"), Access.UNRESTRICTED)
                                == Access.UNRESTRICTED);
    }

    private static List<BackpressuredKafkaTemplate<?, ?>> inOrder(
            ObjectProvider<BackpressuredKafkaTemplate<?, ?>> producers) {
        return producers.stream()
                .sorted(Comparator.comparing(BackpressuredKafkaTemplate::name))
                .toList();
    }
}
