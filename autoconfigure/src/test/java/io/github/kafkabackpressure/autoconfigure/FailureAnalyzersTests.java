package io.github.kafkabackpressure.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.test.TestApp;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.boot.diagnostics.FailureAnalysis;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.annotation.AliasFor;
import org.springframework.core.annotation.AnnotatedElementUtils;
import org.springframework.core.annotation.AnnotationConfigurationException;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.kafka.listener.CommonErrorHandler;

/** What somebody reads whose application does not start. */
@ExtendWith(OutputCaptureExtension.class)
class FailureAnalyzersTests {

    static class Both {

        @KafkaListener(topics = "a")
        @BackpressuredListener(topics = "b")
        void listen(String value) {}
    }

    static class OrdinaryFactory {

        @BackpressuredListener(topics = "a", containerFactory = "kafkaListenerContainerFactory")
        void listen(String value) {}
    }

    @Configuration(proxyBeanMethods = false)
    static class SkippingErrorHandler {

        @Bean
        CommonErrorHandler errorHandler() {
            return new CommonErrorHandler() {};
        }

        @BackpressuredListener(id = "skipping", topics = "a", ordering = Ordering.KEY)
        void listen(String value) {}
    }

    @ParameterizedTest
    @ValueSource(classes = {Both.class, OrdinaryFactory.class, SkippingErrorHandler.class})
    void aListenerThatIsRefusedIsExplainedWithWhatToDo(Class<?> listener, CapturedOutput output) {
        assertThat(catchThrowable(
                        () -> TestApp.start("127.0.0.1:1", List.of(listener)).close()))
                .isNotNull();
        assertThat(output)
                .contains("APPLICATION FAILED TO START")
                .contains("Description:")
                .contains("Action:")
                .containsPattern("Remove one of them|it has the same setters|Implement that method");
    }

    /** As {@code @KafkaListener} was before spring-kafka 4.1: some attributes are not there. */
    @Retention(RetentionPolicy.RUNTIME)
    @interface Older {}

    @Retention(RetentionPolicy.RUNTIME)
    @Older
    @interface Newer {

        @AliasFor(annotation = Older.class)
        String ackMode() default "";
    }

    @Newer
    static class OnOlder {}

    @Test
    void anOlderSpringKafkaIsNamedAsWhatItIs() {
        Throwable ofSpring =
                catchThrowable(() -> AnnotatedElementUtils.findMergedAnnotation(OnOlder.class, Newer.class));
        assertThat(ofSpring)
                .as("what Spring says of such an attribute")
                .isInstanceOf(AnnotationConfigurationException.class);
        FailureAnalysis analysis = new OldSpringKafkaFailureAnalyzer()
                .analyze(new IllegalStateException(new AnnotationConfigurationException(
                        ofSpring.getMessage().replace(Newer.class.getName(), BackpressuredListener.class.getName()))));
        assertThat(analysis.getDescription()).startsWith("Kafka Backpressure works with Spring Boot 4.1 and newer");
        assertThat(analysis.getAction()).isEqualTo("Update Spring Boot to 4.1 or newer.");
        assertThat(new OldSpringKafkaFailureAnalyzer().analyze(ofSpring))
                .as("what has to do with other annotations is not ours")
                .isNull();
    }
}
