package io.github.kafkabackpressure;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Repeatable;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.springframework.core.annotation.AliasFor;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.kafka.annotation.TopicPartition;

/**
 * Marks a method, or with {@code @KafkaHandler} methods a class, as a Kafka listener whose records are handled
 * concurrently in a chosen order, with a bounded number of them in flight. Use it in place of {@link KafkaListener}:
 * it has all of that annotation's attributes with the same meaning, and those of the back-pressure.
 *
 * <p>What is not set here comes from the properties: {@code kafka.backpressure.listeners.<id>.*} goes before this
 * annotation, {@code kafka.backpressure.listener.*} comes after it. The attributes that are strings may hold property
 * placeholders and SpEL expressions, like those of {@link KafkaListener}.
 *
 * <p>The method is called on a worker thread, never on the thread that polls, and, unless {@link #ordering()} says
 * otherwise, for several records at the same time.
 */
@Target({ElementType.TYPE, ElementType.METHOD, ElementType.ANNOTATION_TYPE})
@Retention(RetentionPolicy.RUNTIME)
@Documented
@Repeatable(BackpressuredListeners.class)
@KafkaListener(containerFactory = BackpressuredListener.CONTAINER_FACTORY)
public @interface BackpressuredListener {

    /** The bean name of the container factory that makes the containers of these listeners. */
    String CONTAINER_FACTORY = "backpressuredKafkaListenerContainerFactory";

    /**
     * The order in which records are handled; unless it is set, {@code kafka.backpressure.listener.ordering}. An array
     * only so that it can be left out: at most one.
     */
    Ordering[] ordering() default {};

    /** The most records in flight (polled and not finished) of this listener in this JVM. Strict. */
    String maxInFlight() default "";

    /** The most records in flight of one partition; may be passed by at most one poll. */
    String maxInFlightPerPartition() default "";

    /** The most bytes (serialized keys and values, for instance {@code 16MB}) in flight; may be passed by one poll. */
    String maxInFlightBytes() default "";

    /** The share of a limit, from 0 to 1, at or below which a paused partition is resumed. */
    String resumeAt() default "";

    /** The most records handled at the same moment. */
    String maxConcurrency() default "";

    /** How long started work may take at stop and when a partition is revoked, for instance {@code 20s}. */
    String drainTimeout() default "";

    /**
     * How long an asynchronous result ({@code CompletableFuture}, {@code Mono}, a suspending function) may take before
     * the record counts as failed, for instance {@code 30s}; for ever unless it is set.
     */
    String handlerTimeout() default "";

    /** The most records in one batch of a batch listener. */
    String batchSize() default "";

    /** How long an incomplete batch of a batch listener waits for more records, for instance {@code 50ms}. */
    String batchLinger() default "";

    /**
     * What happens when no more records may be in flight: {@code pause}, {@code drop-newest}, {@code drop-oldest}, {@code
     * drop-random}, {@code drop-lowest-priority}, {@code conflate}; see {@link ListenerOverflow}.
     */
    String overflow() default "";

    /** How old a record may be when its turn comes, for instance {@code 5s}; an older one is dropped. */
    String maxAge() default "";

    /** The topic that dropped records are written to. */
    String droppedTo() default "";

    /** The records in flight from which on those below {@link #shedPriority()} are dropped. */
    String softLimit() default "";

    /** The priority, from 0 to 10, below which records are dropped above the {@link #softLimit()}. */
    String shedPriority() default "";

    /** The priority, from 0 to 10, from which on records pass the rate limit. */
    String bypassPriority() default "";

    /** The priority, from 0 to 9, of a record that nothing says one of. */
    String defaultPriority() default "";

    /** The header that holds a record's priority, as a decimal digit or as one byte. */
    String priorityHeader() default "";

    /**
     * A SpEL expression on the {@code ConsumerRecord} that gives its priority, for instance {@code value.premium ? 9 : 3}.
     */
    String priority() default "";

    /** Priorities of the listener's topics, for instance {@code orders=8, audit=1}. */
    String topicPriority() default "";

    /** Tokens a second, of which a record takes one when its handling begins. */
    String rateLimitRate() default "";

    /** The most tokens that a bucket holds; the rate unless it is set. */
    String rateLimitBurst() default "";

    /** The tokens that a record takes: a number, or a SpEL expression on the {@code ConsumerRecord}. */
    String rateLimitCost() default "";

    /** The records that may be started in any {@link #rateLimitWindow()}, in place of a rate. */
    String rateLimitWindowRecords() default "";

    /** The length of the window, for instance {@code 1s}. */
    String rateLimitWindow() default "";

    /** Which records share a bucket: {@code listener}, {@code partition}, {@code key}, {@code header:<name>}. */
    String rateLimitPer() default "";

    /** The name of a {@code SharedRateLimit} bean that keeps the buckets for all instances of the application. */
    String rateLimitShared() default "";

    /** The tokens that are taken from the shared buckets at once. */
    String rateLimitAhead() default "";

    /** What holds while the shared buckets cannot be reached: {@code wait} or {@code local-share}. */
    String rateLimitOnFailure() default "";

    /** How long nothing may come or go although there is room and work before an alarm is raised, for instance {@code 60s}. */
    String stallTimeout() default "";

    /** How long a record may be handled, retries included, before an alarm is raised, for instance {@code 60s}. */
    String slowRecordThreshold() default "";

    /** How long a record may keep those finished behind it from being committed before an alarm is raised. */
    String frontierTimeout() default "";

    /**
     * Whether commits remember what is finished beyond their offset, so that it is not handled again after a stop, a
     * rebalance or a crash: {@code true} or {@code false}. Unless it is set, they do in {@code key} and {@code unordered}
     * order.
     */
    String rememberProgress() default "";

    /** See {@link KafkaListener#id()}. */
    @AliasFor(annotation = KafkaListener.class)
    String id() default "";

    /** See {@link KafkaListener#containerFactory()}; must make back-pressured containers. */
    @AliasFor(annotation = KafkaListener.class)
    String containerFactory() default CONTAINER_FACTORY;

    /** See {@link KafkaListener#topics()}. */
    @AliasFor(annotation = KafkaListener.class)
    String[] topics() default {};

    /** See {@link KafkaListener#topicPattern()}. */
    @AliasFor(annotation = KafkaListener.class)
    String topicPattern() default "";

    /** See {@link KafkaListener#topicPartitions()}. */
    @AliasFor(annotation = KafkaListener.class)
    TopicPartition[] topicPartitions() default {};

    /** See {@link KafkaListener#containerGroup()}. */
    @AliasFor(annotation = KafkaListener.class)
    String containerGroup() default "";

    /** See {@link KafkaListener#errorHandler()}. */
    @AliasFor(annotation = KafkaListener.class)
    String errorHandler() default "";

    /** See {@link KafkaListener#groupId()}. */
    @AliasFor(annotation = KafkaListener.class)
    String groupId() default "";

    /** See {@link KafkaListener#idIsGroup()}. */
    @AliasFor(annotation = KafkaListener.class)
    boolean idIsGroup() default true;

    /** See {@link KafkaListener#clientIdPrefix()}. */
    @AliasFor(annotation = KafkaListener.class)
    String clientIdPrefix() default "";

    /** See {@link KafkaListener#beanRef()}. */
    @AliasFor(annotation = KafkaListener.class)
    String beanRef() default "__listener";

    /** See {@link KafkaListener#concurrency()}: the number of consumers, not of records handled at once. */
    @AliasFor(annotation = KafkaListener.class)
    String concurrency() default "";

    /** See {@link KafkaListener#autoStartup()}. */
    @AliasFor(annotation = KafkaListener.class)
    String autoStartup() default "";

    /** See {@link KafkaListener#properties()}. */
    @AliasFor(annotation = KafkaListener.class)
    String[] properties() default {};

    /** See {@link KafkaListener#splitIterables()}. */
    @AliasFor(annotation = KafkaListener.class)
    boolean splitIterables() default true;

    /** See {@link KafkaListener#contentTypeConverter()}. */
    @AliasFor(annotation = KafkaListener.class)
    String contentTypeConverter() default "";

    /** See {@link KafkaListener#batch()}. */
    @AliasFor(annotation = KafkaListener.class)
    String batch() default "";

    /** See {@link KafkaListener#filter()}. */
    @AliasFor(annotation = KafkaListener.class)
    String filter() default "";

    /** See {@link KafkaListener#info()}. */
    @AliasFor(annotation = KafkaListener.class)
    String info() default "";

    /** See {@link KafkaListener#containerPostProcessor()}. */
    @AliasFor(annotation = KafkaListener.class)
    String containerPostProcessor() default "";

    /** See {@link KafkaListener#ackMode()}; only whether it is a manual one matters, as commits follow the frontier. */
    @AliasFor(annotation = KafkaListener.class)
    String ackMode() default "";
}
