package io.github.kafkabackpressure.actuate;

import io.github.kafkabackpressure.listener.BackpressuredMessageListenerContainer;
import io.github.kafkabackpressure.producer.BackpressuredKafkaTemplate;
import java.security.Principal;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.commons.logging.LogFactory;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.actuate.audit.listener.AuditApplicationEvent;
import org.springframework.boot.actuate.endpoint.SecurityContext;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.core.log.LogAccessor;

/**
 * What there is to do around a change by the endpoint: it is written down who made it, in the log and as an audit event.
 *
 * <p>Threading: any thread.
 */
final class Operations {

    private static final LogAccessor LOG = new LogAccessor(LogFactory.getLog(Operations.class));

    private final ApplicationEventPublisher events;

    private final Duration flushTimeout;

    /** @param flushTimeout how long a flush may take */
    Operations(ApplicationEventPublisher events, Duration flushTimeout) {
        this.events = events;
        this.flushTimeout = flushTimeout;
    }

    /** Writes down that something was done. */
    void done(SecurityContext security, String name, String action, Map<String, Object> details) {
        Principal principal = security.getPrincipal();
        String who = principal == null ? "unknown" : principal.getName();
        LOG.info(() -> "'" + name + "': " + action + (details.isEmpty() ? "" : " " + details) + ", by " + who);
        Map<String, @Nullable Object> data = new LinkedHashMap<>(details);
        data.put("name", name);
        data.put("action", action);
        events.publishEvent(new AuditApplicationEvent(who, "KAFKA_BACKPRESSURE_CHANGED", data));
    }

    /** The partition that an action is for; null if it is for the listener. */
    static @Nullable TopicPartition partition(
            String action,
            @Nullable String topic,
            @Nullable Integer partition,
            BackpressuredMessageListenerContainer<?, ?> container) {
        if (topic == null && partition == null) {
            return null;
        }
        if (topic == null || partition == null) {
            throw new IllegalArgumentException("give both topic and partition, or neither");
        }
        if (!action.equals("pause") && !action.equals("resume")) {
            throw new IllegalArgumentException("only pause and resume are for single partitions");
        }
        if (container.snapshot().partitions().stream()
                .noneMatch(one -> one.topic().equals(topic) && one.partition() == partition)) {
            throw new IllegalArgumentException(
                    "'" + container.getListenerId() + "' has no partition " + topic + "-" + partition + " here");
        }
        return new TopicPartition(topic, partition);
    }

    /** Flushes a template; false if that took too long, and then it goes on by itself. */
    boolean flush(BackpressuredKafkaTemplate<?, ?> template) {
        CompletableFuture<@Nullable Void> done = new CompletableFuture<>();
        Thread thread = new Thread(
                () -> {
                    try {
                        template.flush();
                        done.complete(null);
                    } catch (RuntimeException e) {
                        done.completeExceptionally(e);
                    }
                },
                "kafka-backpressure-operator-flush");
        thread.setDaemon(true);
        thread.start();
        try {
            done.get(flushTimeout.toMillis(), TimeUnit.MILLISECONDS);
            return true;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        } catch (ExecutionException e) {
            LOG.warn(e, () -> "'" + template.name() + "' could not be flushed");
            return false;
        } catch (TimeoutException e) {
            return false;
        }
    }
}
