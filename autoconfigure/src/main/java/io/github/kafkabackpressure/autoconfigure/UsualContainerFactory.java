package io.github.kafkabackpressure.autoconfigure;

import io.github.kafkabackpressure.listener.BackpressuredKafkaListenerContainerFactory;
import io.github.kafkabackpressure.listener.RepeatedListenersPostProcessor;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.kafka.annotation.KafkaListenerAnnotationBeanPostProcessor;
import org.springframework.kafka.config.KafkaListenerContainerFactory;
import org.springframework.kafka.core.ConsumerFactory;

/** The container factory of {@code @KafkaListener} methods, Boot's or the application's own, and what is taken from it. */
final class UsualContainerFactory {

    private static final String BOOTS =
            "org.springframework.boot.kafka.autoconfigure.KafkaAnnotationDrivenConfiguration";

    private UsualContainerFactory() {}

    static void takeOver(
            BackpressuredKafkaListenerContainerFactory<Object, Object> made, ConfigurableListableBeanFactory beans) {
        RepeatedListenersPostProcessor<?, ?> finder =
                beans.getBeanProvider(RepeatedListenersPostProcessor.class).getIfAvailable();
        // Where the finder is one of the application's own, it goes by the usual name.
        String name = finder == null
                ? KafkaListenerAnnotationBeanPostProcessor.DEFAULT_KAFKA_LISTENER_CONTAINER_FACTORY_BEAN_NAME
                : finder.usualFactoryName();
        KafkaListenerContainerFactory<?> usual = finder == null ? null : finder.usualFactory();
        if ((usual == null || usual == made) && beans.containsBean(name)) {
            usual = beans.getBean(name, KafkaListenerContainerFactory.class);
        }
        if (usual == null || usual == made) {
            return;
        }
        if (isBoots(name, beans)) {
            useOnlyConsumerFactory(made, beans);
        }
        made.takeOver(usual, name);
    }

    private static boolean isBoots(String name, ConfigurableListableBeanFactory beans) {
        return beans.containsBeanDefinition(name)
                && BOOTS.equals(beans.getMergedBeanDefinition(name).getFactoryBeanName());
    }

    /** Boot's factory does not use a consumer factory of other types than objects, though it may be the only one. */
    @SuppressWarnings("unchecked")
    private static void useOnlyConsumerFactory(
            BackpressuredKafkaListenerContainerFactory<Object, Object> made, ConfigurableListableBeanFactory beans) {
        beans.getBeanProvider(ConsumerFactory.class).ifUnique(made::setConsumerFactory);
    }
}
