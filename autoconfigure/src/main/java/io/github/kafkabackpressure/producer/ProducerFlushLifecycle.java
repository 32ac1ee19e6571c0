package io.github.kafkabackpressure.producer;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.apache.kafka.clients.producer.Producer;
import org.springframework.beans.factory.DisposableBean;
import org.springframework.context.ApplicationContext;
import org.springframework.context.SmartLifecycle;
import org.springframework.kafka.core.ProducerFactory;

/**
 * Empties every buffered template and flushes every open producer, after the listeners have drained and before the
 * producer factories close, and reports what came of it. Depends on nothing but producer factories: what it depended on
 * beyond them would be stopped after it, whatever the phases say.
 *
 * <p>Threading: started, stopped and destroyed by the context's thread; a second concurrent stop waits for the first.
 */
public final class ProducerFlushLifecycle implements SmartLifecycle, DisposableBean {

    /** Above the producer factories, which close in the lowest phase, and below everything that may still send. */
    static final int PHASE = Integer.MIN_VALUE + 1000;

    private static final Log logger = LogFactory.getLog(ProducerFlushLifecycle.class);

    private final LiveProducers live;
    private final Duration timeout;
    private final ProducerMetrics metrics;
    private final ApplicationContext context;
    private final ReentrantLock stopping = new ReentrantLock();

    /** Whether there was a flush since the last start. */
    @GuardedBy("stopping") private boolean flushed;

    /** Producers that a flush could not empty in time: another would only wait for them again. */
    @GuardedBy("stopping") private final Set<Producer<?, ?>> givenUp = new HashSet<>();

    private volatile boolean running;

    /**
     * @param live the producers and templates to flush
     * @param timeout how long the flush may take, whatever the brokers do; longer if the options of a template
     *     say so, by another time than {@link ProducerOptions#defaults()}
     * @param metrics told of the {@link ProducerFlushReport}
     * @param context where the report is published as an event, too
     */
    public ProducerFlushLifecycle(
            LiveProducers live, Duration timeout, ProducerMetrics metrics, ApplicationContext context) {
        this.live = live;
        this.timeout = timeout;
        this.metrics = metrics;
        this.context = context;
    }

    @Override
    public void start() {
        StopBudget.check(StopBudget.PROPERTY, timeout, context.getEnvironment());
        stopping.lock();
        try {
            live.contextRuns(this::opens);
            flushed = false;
            givenUp.clear();
            running = true;
        } finally {
            stopping.unlock();
        }
    }

    private void opens(BackpressuredKafkaTemplate<?, ?> template) {
        Duration own = own(template);
        if (own.compareTo(timeout) > 0) {
            StopBudget.check("flush-timeout of '" + template.name() + "'", own, context.getEnvironment());
        }
        template.contextRuns();
    }

    @Override
    public boolean isRunning() {
        return running;
    }

    @Override
    public int getPhase() {
        return PHASE;
    }

    @Override
    public void stop() {
        stopping.lock();
        try {
            live.contextRuns(null);
            flush();
        } finally {
            // Not before: Spring does not wait for what does not run, and a second stop would overtake this one.
            running = false;
            stopping.unlock();
        }
    }

    /**
     * Covers what {@link #stop()} cannot: a context that failed before its lifecycle began, and sends after the stop.
     */
    @Override
    public void destroy() {
        stop();
    }

    @GuardedBy("stopping") private void flush() {
        List<? extends SendPipeline<?, ?>> open = live.templates().stream()
                .map(BackpressuredKafkaTemplate::pipeline)
                .filter(SendPipeline::isOpen)
                .toList();
        boolean nothingHeld = open.stream().allMatch(SendPipeline::isIdle);
        Set<Producer<?, ?>> hopeless = Set.copyOf(givenUp);
        Shutdown shutdown = new Shutdown(
                open,
                () -> live.all(this::isForeign).stream()
                        .filter(producer -> !hopeless.contains(producer.producer()))
                        .toList(),
                longestTimeout());
        ProducerFlushReport report = shutdown.run();
        shutdown.unflushed().forEach(producer -> givenUp.add(producer.producer()));
        boolean somethingToSay = report.producers() > 0 || !nothingHeld;
        // A second stop has nothing to add to the report of the first, unless more was sent and not delivered.
        if (somethingToSay && !(flushed && report.complete())) {
            report(report);
        }
        flushed = true;
    }

    /** What a template's options say, if they say anything: the default is nobody's wish, and the property may be shorter. */
    private Duration own(BackpressuredKafkaTemplate<?, ?> template) {
        Duration own = template.flushTimeout();
        return own.equals(ProducerOptions.defaults().flushTimeout()) ? timeout : own;
    }

    /** All are flushed together: none has less than it was given. */
    private Duration longestTimeout() {
        Duration longest = timeout;
        for (BackpressuredKafkaTemplate<?, ?> template : live.templates()) {
            Duration own = own(template);
            longest = own.compareTo(longest) > 0 ? own : longest;
        }
        return longest;
    }

    /** Whether the factory is a bean of a context above this one, which outlives it. */
    private boolean isForeign(ProducerFactory<?, ?> factory) {
        for (ApplicationContext above = context.getParent(); above != null; above = above.getParent()) {
            if (above.getBeansOfType(ProducerFactory.class, false, false).values().stream()
                    .anyMatch(bean -> bean == factory)) {
                return true;
            }
        }
        return false;
    }

    private void report(ProducerFlushReport report) {
        if (report.complete()) {
            logger.info(report);
        } else if (report.keptAll()) {
            logger.warn(report);
        } else {
            logger.error(report);
        }
        try {
            metrics.flushed(report);
            context.publishEvent(report);
        } catch (Throwable listenerFailed) {
            logger.warn("A listener of the producer flush report failed", listenerFailed);
        }
    }
}
