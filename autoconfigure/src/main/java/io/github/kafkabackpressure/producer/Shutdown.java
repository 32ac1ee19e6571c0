package io.github.kafkabackpressure.producer;

import io.github.kafkabackpressure.producer.LiveProducers.LiveProducer;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;

/**
 * One shutdown of the sending half: intake, buffer and Kafka's producers are emptied in this order, within a time; what
 * is left then is ended.
 *
 * <p>Threading: made and run by the thread that stops the context.
 */
final class Shutdown {

    private final List<? extends SendPipeline<?, ?>> pipelines;
    private final Supplier<? extends Collection<LiveProducer>> live;
    private final Duration timeout;

    /** @param live asked after the hand-over, which may have opened a producer */
    Shutdown(
            List<? extends SendPipeline<?, ?>> pipelines,
            Supplier<? extends Collection<LiveProducer>> live,
            Duration timeout) {
        this.pipelines = pipelines;
        this.live = live;
        this.timeout = timeout;
    }

    /** Returns within the time, and a little; an interrupt does not shorten it. */
    ProducerFlushReport run() {
        // A thread that is interrupted still delivers: losing records is not a way to hurry.
        boolean interrupted = Thread.interrupted();
        try {
            return runUninterrupted();
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private ProducerFlushReport runUninterrupted() {
        long started = System.nanoTime();
        long deadline = started + timeout.toNanos();
        pipelines.forEach(SendPipeline::closeIntake);
        pipelines.forEach(pipeline -> pipeline.awaitHandedOver(deadline));
        Collection<LiveProducer> producers = live.get();
        Map<LiveProducer, String> unflushed = flush(producers, deadline);
        if (!unflushed.isEmpty() || !allIdle()) {
            pipelines.forEach(SendPipeline::beginGivingUp);
            closeNow(unflushed.keySet());
        }
        pipelines.forEach(SendPipeline::endUndelivered);
        return report(producers.size(), unflushed, Duration.ofNanos(System.nanoTime() - started));
    }

    /** Again and again: a caller that passed the intake just before it closed may hand over after a first flush. */
    private Map<LiveProducer, String> flush(Collection<LiveProducer> producers, long deadline) {
        Map<LiveProducer, String> unflushed;
        do {
            unflushed = new ProducerFlush(producers).await(deadline, System::nanoTime);
        } while (unflushed.isEmpty() && !allIdle() && !producers.isEmpty() && System.nanoTime() - deadline < 0);
        return unflushed;
    }

    private boolean allIdle() {
        return pipelines.stream().allMatch(SendPipeline::isIdle);
    }

    /**
     * Closes the factories of producers whose time is up, so that no future is left open and the factory's own stop
     * does not wait its thirty seconds for a broker that does not answer.
     */
    private void closeNow(Set<LiveProducer> unflushed) {
        Set<DefaultKafkaProducerFactory<?, ?>> factories = new HashSet<>();
        unflushed.forEach(live -> factories.add(live.factory()));
        for (DefaultKafkaProducerFactory<?, ?> factory : factories) {
            Duration usual = factory.getPhysicalCloseTimeout();
            factory.setPhysicalCloseTimeout(0);
            try {
                factory.reset();
            } finally {
                factory.setPhysicalCloseTimeout((int) usual.toSeconds());
            }
        }
    }

    private ProducerFlushReport report(int producers, Map<LiveProducer, String> unflushed, Duration took) {
        Map<String, ProducerFlushReport.Counts> topics = new HashMap<>();
        for (SendPipeline<?, ?> pipeline : pipelines) {
            pipeline.tally()
                    .byTopic()
                    .forEach((topic, counts) -> topics.merge(topic, counts, ProducerFlushReport.Counts::plus));
        }
        List<String> names = unflushed.entrySet().stream()
                .map(entry -> entry.getKey().id() + " (" + entry.getValue() + ")")
                .sorted()
                .toList();
        return new ProducerFlushReport(producers, names, took, topics);
    }
}
