package io.github.kafkabackpressure.sample;

import io.github.kafkabackpressure.listener.BackpressuredMessageListenerContainer;
import io.github.kafkabackpressure.listener.ListenerSnapshot;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.springframework.kafka.config.KafkaListenerEndpointRegistry;
import org.springframework.scheduling.annotation.Scheduled;
import org.springframework.stereotype.Component;

/** Prints once a second how the back-pressure works. */
@Component
class StatusLine {

    private final KafkaListenerEndpointRegistry registry;

    private final Backlog backlog;

    private final OrderCounts counts;

    StatusLine(KafkaListenerEndpointRegistry registry, Backlog backlog, OrderCounts counts) {
        this.registry = registry;
        this.backlog = backlog;
        this.counts = counts;
    }

    @Scheduled(fixedRate = 1, initialDelay = 1, timeUnit = TimeUnit.SECONDS)
    void print() {
        var container = (BackpressuredMessageListenerContainer<?, ?>)
                Objects.requireNonNull(registry.getListenerContainer(Payments.LISTENER));
        ListenerSnapshot payments = container.snapshot();
        System.out.println(String.format(
                Locale.ROOT,
                "produced %,7d   handled %,7d   in flight %d of %d   paused %d of %d partitions   lag %,6d",
                counts.produced.get(),
                counts.handled(),
                payments.inFlight(),
                payments.maxInFlight(),
                payments.pausedPartitions(),
                payments.partitions().size(),
                backlog.read().count()));
    }
}
