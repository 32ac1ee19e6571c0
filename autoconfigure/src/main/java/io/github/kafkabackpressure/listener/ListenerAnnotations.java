package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.BackpressuredListeners;
import io.github.kafkabackpressure.ListenerRefusedException;
import java.lang.reflect.AnnotatedElement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.springframework.core.annotation.AnnotatedElementUtils;
import org.springframework.core.annotation.MergedAnnotation;
import org.springframework.core.annotation.MergedAnnotations;
import org.springframework.core.annotation.MergedAnnotations.SearchStrategy;
import org.springframework.core.annotation.RepeatableContainers;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.kafka.annotation.KafkaListeners;

/**
 * Which listener annotations a method or class has. spring-kafka's finder sees one annotation that is or has a
 * {@link KafkaListener}, the nearest, and repeated ones of its own kind.
 *
 * <p>Threading: stateless.
 */
final class ListenerAnnotations {

    private ListenerAnnotations() {}

    /**
     * The annotations that spring-kafka's finder does not see: repeated ones, and those beside the nearest.
     *
     * @throws ListenerRefusedException if there are {@link KafkaListener}s beside them, of which that finder would take
     *     one in their place
     */
    static List<BackpressuredListener> further(AnnotatedElement element) {
        if (!AnnotatedElementUtils.hasAnnotation(element, BackpressuredListener.class)
                && !AnnotatedElementUtils.hasAnnotation(element, BackpressuredListeners.class)) {
            return List.of();
        }
        MergedAnnotations all =
                MergedAnnotations.from(element, SearchStrategy.TYPE_HIERARCHY, RepeatableContainers.none());
        List<MergedAnnotation<BackpressuredListener>> single = all.stream(BackpressuredListener.class)
                .sorted(Comparator.<MergedAnnotation<?>>comparingInt(MergedAnnotation::getAggregateIndex)
                        .thenComparingInt(MergedAnnotation::getDistance))
                .toList();
        List<MergedAnnotation<BackpressuredListeners>> repeated =
                all.stream(BackpressuredListeners.class).toList();
        checkNoOthers(element, all, Stream.concat(single.stream(), repeated.stream()));
        List<BackpressuredListener> further = new ArrayList<>();
        single.stream()
                .skip(1)
                .filter(other -> other.getAggregateIndex() == single.get(0).getAggregateIndex())
                .forEach(other -> further.add(other.synthesize()));
        repeated.stream()
                .flatMap(container -> Arrays.stream(container.getAnnotationArray("value", BackpressuredListener.class)))
                .forEach(each -> further.add(each.synthesize()));
        return further;
    }

    private static void checkNoOthers(
            AnnotatedElement element, MergedAnnotations all, Stream<MergedAnnotation<?>> ours) {
        // What an overridden method says is overridden too.
        Set<Integer> places = ours.map(MergedAnnotation::getAggregateIndex).collect(Collectors.toSet());
        boolean others = Stream.concat(
                        all.stream(KafkaListener.class)
                                .filter(one -> !one.getMetaTypes().contains(BackpressuredListener.class)),
                        all.stream(KafkaListeners.class))
                .anyMatch(other -> places.contains(other.getAggregateIndex()));
        if (others) {
            throw new ListenerRefusedException(
                    element
                            + " has both @KafkaListener and @BackpressuredListener, of which spring-kafka would register"
                            + " only the former.",
                    "Remove one of them.");
        }
    }
}
