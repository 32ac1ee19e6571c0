package io.github.kafkabackpressure.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.ListenerRefusedException;
import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.listener.BackpressuredKafkaListenerContainerFactory;
import io.github.kafkabackpressure.listener.BackpressuredMessageListenerContainer;
import io.github.kafkabackpressure.listener.ListenerOptionsCustomizer;
import io.github.kafkabackpressure.listener.ListenerSettings;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.kafka.autoconfigure.KafkaAutoConfiguration;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.context.ApplicationContext;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.annotation.AliasFor;
import org.springframework.kafka.annotation.EnableKafka;
import org.springframework.kafka.annotation.EnableKafkaRetryTopic;
import org.springframework.kafka.annotation.KafkaHandler;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.kafka.annotation.KafkaListenerAnnotationBeanPostProcessor.AnnotationEnhancer;
import org.springframework.kafka.annotation.KafkaListenerConfigurer;
import org.springframework.kafka.annotation.RetryableTopic;
import org.springframework.kafka.config.ConcurrentKafkaListenerContainerFactory;
import org.springframework.kafka.config.KafkaListenerContainerFactory;
import org.springframework.kafka.config.KafkaListenerEndpoint;
import org.springframework.kafka.config.KafkaListenerEndpointRegistry;
import org.springframework.kafka.core.ConsumerFactory;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.listener.CommonErrorHandler;
import org.springframework.kafka.listener.CommonLoggingErrorHandler;
import org.springframework.kafka.listener.ConcurrentMessageListenerContainer;
import org.springframework.kafka.listener.KafkaListenerErrorHandler;
import org.springframework.kafka.listener.MessageListenerContainer;
import org.springframework.kafka.retrytopic.RetryTopicConfiguration;
import org.springframework.kafka.retrytopic.RetryTopicConfigurationBuilder;

/** Which containers come of annotations, with which factory, and what stops the start. */
class RegisteringListenersTests {

    private final ApplicationContextRunner runner = new ApplicationContextRunner()
            .withConfiguration(AutoConfigurations.of(
                    KafkaAutoConfiguration.class, KafkaBackpressureListenerAutoConfiguration.class))
            .withPropertyValues(
                    "spring.kafka.consumer.group-id=group",
                    "spring.kafka.bootstrap-servers=localhost:1",
                    "spring.kafka.listener.auto-startup=false");

    private static MessageListenerContainer container(ApplicationContext context, String id) {
        return context.getBean(KafkaListenerEndpointRegistry.class).getListenerContainer(id);
    }

    private static BackpressuredMessageListenerContainer<?, ?> own(ApplicationContext context, String id) {
        return (BackpressuredMessageListenerContainer<?, ?>) container(context, id);
    }

    private static Map<String, List<String>> topics(ApplicationContext context) {
        Map<String, List<String>> topics = new TreeMap<>();
        for (MessageListenerContainer container :
                context.getBean(KafkaListenerEndpointRegistry.class).getListenerContainers()) {
            topics.put(
                    container.getListenerId(),
                    Arrays.asList(container.getContainerProperties().getTopics()));
        }
        return topics;
    }

    @Configuration(proxyBeanMethods = false)
    static class ListenerBesideItsErrorHandler {

        @Bean
        CommonErrorHandler errorHandler() {
            return new CommonLoggingErrorHandler();
        }

        @BackpressuredListener(id = "beside", topics = "topic")
        void listen(String value) {}
    }

    @Test
    void aListenersClassMayMakeTheErrorHandler() {
        runner.withUserConfiguration(ListenerBesideItsErrorHandler.class)
                .run(context -> assertThat(own(context, "beside").getCommonErrorHandler())
                        .isSameAs(context.getBean(CommonErrorHandler.class)));
    }

    @Configuration(proxyBeanMethods = false)
    static class ListenerBesideItsOwnFactory {

        @Bean(BackpressuredListener.CONTAINER_FACTORY)
        BackpressuredKafkaListenerContainerFactory<Object, Object> ours(ConsumerFactory<Object, Object> consumers) {
            var factory = new BackpressuredKafkaListenerContainerFactory<>();
            factory.setConsumerFactory(consumers);
            factory.setPhase(3);
            factory.setAutoStartup(false);
            return factory;
        }

        @BackpressuredListener(id = "beside", topics = "topic")
        void listen(String value) {}
    }

    @Test
    void aListenersClassMayMakeTheFactory() {
        runner.withUserConfiguration(ListenerBesideItsOwnFactory.class)
                .run(context -> assertThat(own(context, "beside").getPhase()).isEqualTo(3));
    }

    @Configuration(proxyBeanMethods = false)
    static class FactorySetByAConfigurer implements KafkaListenerConfigurer {

        private final ConsumerFactory<Object, Object> consumers;

        FactorySetByAConfigurer(ConsumerFactory<Object, Object> consumers) {
            this.consumers = consumers;
        }

        @Override
        public void configureKafkaListeners(org.springframework.kafka.config.KafkaListenerEndpointRegistrar registrar) {
            ConcurrentKafkaListenerContainerFactory<Object, Object> factory =
                    new ConcurrentKafkaListenerContainerFactory<>();
            factory.setConsumerFactory(consumers);
            factory.setAutoStartup(false);
            factory.setPhase(4);
            factory.getContainerProperties().setClientId("theirs");
            registrar.setContainerFactory(factory);
        }
    }

    @Test
    void theFactoryThatAKafkaListenerWouldUseMayBeSetByAConfigurer() {
        runner.withUserConfiguration(FactorySetByAConfigurer.class, Plain.class).run(context -> {
            assertThat(own(context, "plain").getPhase()).isEqualTo(4);
            assertThat(own(context, "plain").getContainerProperties().getClientId())
                    .isEqualTo("theirs");
        });
    }

    static class Plain {

        @BackpressuredListener(id = "plain", topics = "topic")
        void listen(String value) {}
    }

    @Configuration(proxyBeanMethods = false)
    static class FactoryThatMakesOthers {

        @Bean
        ConcurrentKafkaListenerContainerFactory<Object, Object> kafkaListenerContainerFactory(
                ConsumerFactory<Object, Object> consumers) {
            ConcurrentKafkaListenerContainerFactory<Object, Object> factory =
                    new ConcurrentKafkaListenerContainerFactory<>() {
                        @Override
                        protected void initializeContainer(
                                ConcurrentMessageListenerContainer<Object, Object> instance,
                                KafkaListenerEndpoint endpoint) {
                            super.initializeContainer(instance, endpoint);
                            instance.setPhase(5);
                        }
                    };
            factory.setConsumerFactory(consumers);
            return factory;
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class FactoryOfAnotherKind {

        @Bean
        KafkaListenerContainerFactory<?> kafkaListenerContainerFactory() {
            return org.mockito.Mockito.mock(KafkaListenerContainerFactory.class);
        }
    }

    @ParameterizedTest
    @ValueSource(classes = {FactoryThatMakesOthers.class, FactoryOfAnotherKind.class})
    void aFactoryWhoseSettingsAreNotAllThereIsStopsTheStartByItsName(Class<?> factory) {
        runner.withUserConfiguration(factory, Plain.class)
                .run(context -> assertThat(context)
                        .hasFailed()
                        .getFailure()
                        .isInstanceOf(ListenerRefusedException.class)
                        .hasMessageContaining("'kafkaListenerContainerFactory'")
                        .hasMessageContaining(
                                factory == FactoryThatMakesOthers.class
                                        ? "overrides initializeContainer()"
                                        : "is not a ConcurrentKafkaListenerContainerFactory"));
    }

    @Test
    void whatTheOwnFactoryHasBeenSetToItselfStays() {
        runner.withUserConfiguration(Plain.class)
                .withPropertyValues("spring.kafka.listener.client-id=boots", "spring.kafka.listener.concurrency=2")
                .withBean(
                        org.springframework.beans.factory.config.BeanPostProcessor.class,
                        () -> new org.springframework.beans.factory.config.BeanPostProcessor() {
                            @Override
                            public Object postProcessAfterInitialization(Object bean, String name) {
                                if (bean instanceof BackpressuredKafkaListenerContainerFactory<?, ?> factory) {
                                    factory.setConcurrency(3);
                                    factory.getContainerProperties().setClientId("own");
                                }
                                return bean;
                            }
                        })
                .run(context -> {
                    assertThat(own(context, "plain").getConcurrency()).isEqualTo(3);
                    assertThat(own(context, "plain").getContainerProperties().getClientId())
                            .isEqualTo("own");
                });
    }

    static class BothOnAMethod {

        @KafkaListener(topics = "a")
        @BackpressuredListener(topics = "b")
        void listen(String value) {}
    }

    static class RepeatedAndPlainOnAMethod {

        @KafkaListener(topics = "a")
        @BackpressuredListener(topics = "b")
        @BackpressuredListener(topics = "c")
        void listen(String value) {}
    }

    static class RepeatedPlainAndOursOnAMethod {

        @KafkaListener(topics = "a")
        @KafkaListener(topics = "b")
        @BackpressuredListener(topics = "c")
        void listen(String value) {}
    }

    @KafkaListener(topics = "a")
    @BackpressuredListener(topics = "b")
    static class BothOnAClass {

        @KafkaHandler
        void listen(String value) {}
    }

    @ParameterizedTest
    @ValueSource(
            classes = {
                BothOnAMethod.class,
                RepeatedAndPlainOnAMethod.class,
                RepeatedPlainAndOursOnAMethod.class,
                BothOnAClass.class
            })
    void bothAnnotationsInOnePlaceStopTheStart(Class<?> listener) {
        runner.withUserConfiguration(listener)
                .run(context -> assertThat(context)
                        .hasFailed()
                        .getFailure()
                        .hasStackTraceContaining("has both @KafkaListener and @BackpressuredListener"));
    }

    @Retention(RetentionPolicy.RUNTIME)
    @BackpressuredListener
    @interface Composed {

        @AliasFor(annotation = BackpressuredListener.class, attribute = "id")
        String value();

        @AliasFor(annotation = BackpressuredListener.class, attribute = "topics")
        String[] topics();
    }

    @Retention(RetentionPolicy.RUNTIME)
    @BackpressuredListener(ordering = Ordering.KEY)
    @interface AlsoComposed {

        @AliasFor(annotation = BackpressuredListener.class, attribute = "id")
        String value();

        @AliasFor(annotation = BackpressuredListener.class, attribute = "topics")
        String[] topics();
    }

    static class ComposedBesideRepeated {

        @Composed(value = "a", topics = "a")
        @AlsoComposed(value = "b", topics = "b")
        @BackpressuredListener(id = "c", topics = "c")
        @BackpressuredListener(id = "d", topics = "d", maxInFlight = "44")
        void listen(String value) {}
    }

    @Test
    void eachAnnotationOfAMethodHasOneContainer() {
        runner.withUserConfiguration(ComposedBesideRepeated.class).run(context -> {
            assertThat(topics(context))
                    .isEqualTo(Map.of("a", List.of("a"), "b", List.of("b"), "c", List.of("c"), "d", List.of("d")));
            assertThat(own(context, "b").getOptions().ordering()).isEqualTo(Ordering.KEY);
            assertThat(own(context, "d").getOptions().maxInFlight()).isEqualTo(44);
        });
    }

    @Configuration(proxyBeanMethods = false)
    static class Enhancing {

        @Bean
        static AnnotationEnhancer enhancer() {
            return (attributes, element) -> {
                attributes.put("groupId", attributes.get("id") + ".enhanced");
                return attributes;
            };
        }
    }

    @Test
    void enhancersSeeRepeatedAnnotationsToo() {
        runner.withUserConfiguration(Enhancing.class, ComposedBesideRepeated.class)
                .run(context -> assertThat(List.of("a", "b", "c", "d"))
                        .allSatisfy(id ->
                                assertThat(container(context, id).getGroupId()).isEqualTo(id + ".enhanced")));
    }

    /** Is made while the listener that uses it is registered. */
    static class HandlerThatListens implements KafkaListenerErrorHandler {

        @Override
        public Object handleError(
                org.springframework.messaging.Message<?> message,
                org.springframework.kafka.listener.ListenerExecutionFailedException exception) {
            return "";
        }

        @BackpressuredListener(id = "inner", topics = "inner", maxInFlight = "11")
        void inner(String value) {}
    }

    @Configuration(proxyBeanMethods = false)
    static class LazyHandler {

        @Bean
        @org.springframework.context.annotation.Lazy
        HandlerThatListens handlerThatListens() {
            return new HandlerThatListens();
        }
    }

    @BackpressuredListener(id = "outer-1", topics = "outer-1", errorHandler = "handlerThatListens", maxInFlight = "21")
    @BackpressuredListener(id = "outer-2", topics = "#{'outer-2'}", maxInFlight = "22")
    static class OuterClass {

        @KafkaHandler
        void text(String value) {}

        @KafkaHandler
        void number(Integer value) {}
    }

    @Test
    void aListenerThatIsMadeWhileAnotherIsRegisteredKeepsItsOwnMethodAndSettings() {
        runner.withUserConfiguration(OuterClass.class, LazyHandler.class).run(context -> {
            assertThat(topics(context).keySet()).containsExactly("inner", "outer-1", "outer-2");
            assertThat(own(context, "inner").getOptions().maxInFlight()).isEqualTo(11);
            assertThat(own(context, "outer-1").getOptions().maxInFlight()).isEqualTo(21);
            assertThat(own(context, "outer-2").getOptions().maxInFlight()).isEqualTo(22);
            assertThat(own(context, "inner").getContainerProperties().getMessageListener())
                    .extracting("bean")
                    .isInstanceOf(HandlerThatListens.class);
        });
    }

    @Configuration(proxyBeanMethods = false)
    static class Retrying {

        @Bean
        RetryTopicConfiguration retries(KafkaTemplate<?, ?> template) {
            return RetryTopicConfigurationBuilder.newInstance()
                    .autoCreateTopics(false, 1, (short) 1)
                    .maxAttempts(2)
                    .includeTopics(List.of("retried-1", "retried-2"))
                    .create(template);
        }

        @Bean
        org.springframework.scheduling.TaskScheduler scheduler() {
            return new org.springframework.scheduling.concurrent.SimpleAsyncTaskScheduler();
        }
    }

    static class RepeatedAndRetried {

        @BackpressuredListener(topics = "retried-1", ordering = Ordering.KEY, maxInFlight = "31")
        @BackpressuredListener(topics = "retried-2", ordering = Ordering.UNORDERED, maxInFlight = "32")
        void listen(String value) {}
    }

    @Test
    void retriedListenersOfOneMethodHaveTheSettingsOfTheirAnnotations() {
        runner.withUserConfiguration(Retrying.class, RepeatedAndRetried.class).run(context -> {
            Map<String, List<String>> topics = topics(context);
            assertThat(topics).hasSizeGreaterThanOrEqualTo(4);
            topics.forEach(
                    (id, names) -> assertThat(own(context, id).getOptions().maxInFlight())
                            .as("%s %s", id, names)
                            .isEqualTo(names.get(0).startsWith("retried-1") ? 31 : 32));
        });
    }

    @BackpressuredListener(topics = "retried-1")
    @BackpressuredListener(topics = "retried-2")
    static class RepeatedOnAClassAndRetried {

        @KafkaHandler
        void text(String value) {}

        @KafkaHandler
        void number(Integer value) {}
    }

    @Test
    void repeatedAnnotationsOfAClassWhoseTopicsAreRetriedStopTheStart() {
        runner.withUserConfiguration(Retrying.class, RepeatedOnAClassAndRetried.class)
                .run(context -> assertThat(context)
                        .hasFailed()
                        .getFailure()
                        .hasStackTraceContaining("A RetryTopicConfiguration applies to the topics [retried-1]"));
    }

    @Configuration(proxyBeanMethods = false)
    @EnableKafka
    static class Child {

        @Bean
        static org.springframework.beans.factory.support.BeanDefinitionRegistryPostProcessor registrar() {
            return KafkaBackpressureListenerAutoConfiguration.backpressuredRepeatedListenersRegistrar();
        }
    }

    @Test
    void repeatedListenersOfAChildContextHaveTheirSettings() {
        runner.withUserConfiguration(Plain.class).run(parent -> {
            try (AnnotationConfigApplicationContext child = new AnnotationConfigApplicationContext()) {
                child.setParent(parent);
                child.register(Child.class, ComposedBesideRepeated.class);
                child.refresh();
                assertThat(own(child, "d").getOptions().maxInFlight()).isEqualTo(44);
            }
        });
    }

    @Test
    void containersThatNobodyNamesHaveNamesOfTheirOwn() {
        runner.run(context -> {
            BackpressuredKafkaListenerContainerFactory<?, ?> factory =
                    context.getBean(BackpressuredKafkaListenerContainerFactory.class);
            List<String> ids = new ArrayList<>();
            ids.add(factory.createContainer("a").getListenerId());
            ids.add(factory.createContainer("a").getListenerId());
            assertThat(ids).doesNotHaveDuplicates().doesNotContain("noBeanNameSet");
        });
    }

    @Test
    void switchedOffTheAnnotationsArePlainOnes() {
        runner.withUserConfiguration(ComposedBesideRepeated.class)
                .withPropertyValues("kafka.backpressure.listener.enabled=false")
                .run(context -> {
                    assertThat(context).doesNotHaveBean(BackpressuredListener.CONTAINER_FACTORY);
                    assertThat(topics(context).keySet()).containsExactly("a", "b", "c", "d");
                    assertThat(container(context, "d")).isNotInstanceOf(BackpressuredMessageListenerContainer.class);
                });
    }

    @RetryableTopic(attempts = "2", autoCreateTopics = "false")
    @BackpressuredListener(id = "retried-class", topics = "retried-class")
    static class RetriedClass {

        @KafkaHandler
        void text(String value) {}

        @KafkaHandler
        void number(Integer value) {}
    }

    @Configuration(proxyBeanMethods = false)
    @EnableKafkaRetryTopic
    static class Scheduling {

        @Bean
        org.springframework.scheduling.TaskScheduler scheduler() {
            return new org.springframework.scheduling.concurrent.SimpleAsyncTaskScheduler();
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aClassWhoseRecordsAreRetriedByTopicsHasContainersOfTheKindThatIsSwitchedOn(boolean enabled) {
        runner.withUserConfiguration(Scheduling.class, RetriedClass.class)
                .withPropertyValues("kafka.backpressure.listener.enabled=" + enabled)
                .run(context -> {
                    assertThat(context).hasNotFailed();
                    assertThat(topics(context).values())
                            .contains(List.of("retried-class"))
                            .hasSizeGreaterThanOrEqualTo(2);
                    topics(context)
                            .keySet()
                            .forEach(id -> assertThat(
                                            container(context, id) instanceof BackpressuredMessageListenerContainer)
                                    .as(id)
                                    .isEqualTo(enabled));
                });
    }

    @Configuration(proxyBeanMethods = false)
    static class Customizing {

        @Bean
        ListenerOptionsCustomizer smaller() {
            return (id, options) -> "d".equals(id)
                    ? ListenerSettings.of(Map.of("max-in-flight", options.maxInFlight() / 2))
                    : ListenerSettings.NONE;
        }
    }

    @Test
    void aCustomizerHasTheLastSay() {
        runner.withUserConfiguration(Customizing.class, ComposedBesideRepeated.class)
                .withPropertyValues("kafka.backpressure.listeners.d.max-in-flight=60")
                .run(context -> {
                    assertThat(own(context, "d").getOptions().maxInFlight()).isEqualTo(30);
                    assertThat(own(context, "c").getOptions().maxInFlight()).isEqualTo(1000);
                });
    }
}
