package io.github.kafkabackpressure.producer;

import io.github.kafkabackpressure.BufferState;
import io.github.kafkabackpressure.RecordNotSentException;
import io.github.kafkabackpressure.buffer.Buffered;
import io.github.kafkabackpressure.producer.spool.Spool;
import io.github.kafkabackpressure.rate.RateLimiter;
import io.micrometer.observation.Observation;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerInterceptor;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.header.Header;
import org.jspecify.annotations.Nullable;
import org.springframework.context.ApplicationContext;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.core.ProducerFactory;
import org.springframework.kafka.support.LoggingProducerListener;
import org.springframework.kafka.support.ProducerListener;
import org.springframework.kafka.support.SendResult;

/**
 * A {@code KafkaTemplate} with a bounded buffer in front of Kafka's producer. What it accepts is delivered, or ends on
 * its future with the reason; at shutdown it delivers what it holds before the context is gone.
 *
 * <p>Used like a {@code KafkaTemplate}, with one difference: a send never throws because of the record or the broker;
 * its future says what became of it. It ends with a {@link RecordNotSentException} when the template itself refused or
 * dropped the record, and with a plain {@code KafkaProducerException} when Kafka did. The {@code ProducerListener} is
 * told what became of accepted records, except of those dropped for others.
 *
 * <p>In a transaction a record goes to the transaction's producer at once, past the buffer, and what keeps it from there
 * is thrown, so that the transaction is rolled back.
 *
 * <p>Threading: any thread.
 *
 * @param <K> type of the keys
 * @param <V> type of the values
 */
public class BackpressuredKafkaTemplate<K, V> extends KafkaTemplate<K, V> {

    /** For ever, as far as anyone can tell: Kafka takes any number, but as nanoseconds it must fit. */
    private static final long LONGEST_METADATA_WAIT_MILLIS = TimeUnit.DAYS.toMillis(365);

    private final ProducerOptions options;
    private final SendPipeline<K, V> pipeline;
    private final CurrentProducer<K, V> producer;
    private final TemplateSurroundings<K, V> around;

    /** Asked for by observations; to ask for it may take as long as a cluster that is away. */
    private final ClusterIdentity clusterIdentity = new ClusterIdentity(super::clusterId);

    private final ProducerMetrics metrics;

    private final AtomicBoolean opened = new AtomicBoolean();

    private @Nullable Runnable whenDestroyed;

    /**
     * @param name names the template in logs, meters and events
     * @param factory where producers come from
     * @param options how to send
     * @param metrics told of this template
     */
    public BackpressuredKafkaTemplate(
            String name, ProducerFactory<K, V> factory, ProducerOptions options, ProducerMetrics metrics) {
        this(name, factory, options, metrics, System::nanoTime);
    }

    BackpressuredKafkaTemplate(
            String name,
            ProducerFactory<K, V> factory,
            ProducerOptions options,
            ProducerMetrics metrics,
            LongSupplier nanoTime) {
        super(factory);
        this.options = options;
        this.producer = new CurrentProducer<>(factory, this::newProducer);
        this.around = new TemplateSurroundings<>(name, options, producer, metadataWait(factory), logger);
        RateLimiter limiter =
                options.rateLimit() == null ? null : options.rateLimit().limiter(nanoTime);
        ProducerOptions.SpoolOptions kept = options.spool();
        Spool<K, V> spool = kept == null ? null : new Spool<>(kept.directory(), kept.maxBytes(), name, factory);
        this.pipeline = new SendPipeline<>(name, options, limiter, spool, around, nanoTime);
        this.metrics = metrics;
        metrics.templateOpened(name, pipeline.stats());
    }

    /**
     * Sends with a priority.
     *
     * @param priority 0 to 9; decides over the record's header
     */
    public CompletableFuture<SendResult<K, V>> send(ProducerRecord<K, V> record, int priority) {
        return send(new SendRequest<>(record, checked(priority), true));
    }

    /** Takes the record in or refuses it at once, with the priority of its header. Not possible in a transaction. */
    public TrySendResult<K, V> trySend(ProducerRecord<K, V> record) {
        return trySend(record, priorityOf(record));
    }

    /**
     * Takes the record in or refuses it at once.
     *
     * @param priority 0 to 9; decides over the record's header
     * @throws IllegalStateException in a transaction, where Kafka's producer itself may have to wait
     */
    public TrySendResult<K, V> trySend(ProducerRecord<K, V> record, int priority) {
        if (inTransaction()) {
            throw new IllegalStateException("trySend is not possible in a transaction; use send");
        }
        CompletableFuture<SendResult<K, V>> future = send(new SendRequest<>(record, checked(priority), false));
        RecordNotSentException refusal = refusalOf(future);
        if (refusal == null) {
            return new TrySendResult.Accepted<>(future);
        }
        return switch (refusal.outcome()) {
            case RATE_LIMITED -> new TrySendResult.RateLimited<>();
            case CLOSED -> new TrySendResult.Closed<>();
            case DROPPED, REJECTED -> new TrySendResult.Dropped<>(String.valueOf(refusal.getMessage()));
            default -> new TrySendResult.Accepted<>(future);
        };
    }

    /** What the template holds, and how its sends ended so far. */
    public ProducerStats stats() {
        return pipeline.stats();
    }

    /** The name by which logs, meters and events tell it from others. */
    public String name() {
        return pipeline.name();
    }

    /** What the template holds now, its limits, and how its sends ended so far. */
    public ProducerSnapshot snapshot() {
        return ProducerSnapshot.of(pipeline.name(), options, pipeline.stats());
    }

    /** How full the buffer is. */
    public BufferState state() {
        return pipeline.stats().state();
    }

    @Override
    protected CompletableFuture<SendResult<K, V>> doSend(ProducerRecord<K, V> record, Observation observation) {
        ProducerInterceptor<K, V> interceptor = around.interceptor;
        ProducerRecord<K, V> toSend = interceptor == null ? record : interceptor.onSend(record);
        Observation observed = observation.isNoop() ? null : observation;
        boolean request = record instanceof SendRequest<K, V>;
        int priority = request ? ((SendRequest<K, V>) record).priority : priorityOf(toSend);
        if (isTransactional() && (inTransaction() || !isAllowNonTransactional())) {
            return pipeline.sendInTransaction(toSend, priority, observed, getTheProducer(toSend.topic()));
        }
        return request && !((SendRequest<K, V>) record).mayWait
                ? pipeline.trySend(toSend, priority, observed)
                : pipeline.send(toSend, priority, observed);
    }

    /**
     * Hands over all that the buffer holds, then flushes Kafka's producer. Waits for as long as that takes.
     *
     * @throws KafkaException in a callback, as by Kafka's producer: what it would wait for cannot happen before it ends
     */
    @Override
    public void flush() {
        if (OwnThread.mayNotWait()) {
            throw new KafkaException("flush() is not possible in a callback, which would wait for itself");
        }
        try {
            pipeline.flush();
        } catch (InterruptedException e) {
            throw new InterruptException(e);
        }
        Producer<K, V> holder = producer.ifOpen();
        if (holder != null) {
            holder.flush();
        }
        if (inTransaction()) {
            super.flush();
        }
    }

    /** What is known of it now; never waits. */
    @Override
    protected @Nullable String clusterId() {
        return clusterIdentity.now();
    }

    @Override
    public void setProducerListener(@Nullable ProducerListener<K, V> producerListener) {
        super.setProducerListener(producerListener);
        // Spring's own logs keys and values.
        around.listener = producerListener != null && producerListener.getClass() == LoggingProducerListener.class
                ? new FailedSendsLog<>()
                : producerListener;
    }

    @Override
    public void setProducerInterceptor(ProducerInterceptor<K, V> producerInterceptor) {
        super.setProducerInterceptor(producerInterceptor);
        around.interceptor = producerInterceptor;
    }

    @Override
    public void setApplicationContext(ApplicationContext applicationContext) {
        super.setApplicationContext(applicationContext);
        around.context = applicationContext;
    }

    @Override
    public void afterSingletonsInstantiated() {
        opened.set(true);
        setMicrometerEnabled(false);
        super.afterSingletonsInstantiated();
        pipeline.open();
    }

    /** Delivers what the template holds, unless the context's stop has done that. */
    @Override
    public void destroy() {
        Runnable told = whenDestroyed;
        if (told != null) {
            told.run();
        }
        if (pipeline.isOpen()) {
            // Closes nothing: other templates may use the factory.
            new Shutdown(List.of(pipeline), this::liveProducers, options.flushTimeout()).run();
        }
        producer.forget();
        metrics.templateClosed(pipeline.name(), pipeline.stats());
        super.destroy();
    }

    /** Its context runs: it takes records, and what Spring leaves out for a bean that is made late is made up for. */
    void contextRuns() {
        if (!opened.getAndSet(true)) {
            afterSingletonsInstantiated();
        }
        pipeline.reopen();
    }

    /** How long the flush of what it holds may take at shutdown. */
    Duration flushTimeout() {
        return options.flushTimeout();
    }

    void whenDestroyed(Runnable told) {
        this.whenDestroyed = told;
    }

    SendPipeline<K, V> pipeline() {
        return pipeline;
    }

    /** The producer that the buffer is emptied into, while it is open. */
    @Nullable Producer<K, V> openProducer() {
        return producer.ifOpen();
    }

    private List<LiveProducer> liveProducers() {
        Producer<K, V> open = producer.ifOpen();
        return open == null ? List.of() : List.of(new LiveProducer(pipeline.name(), open, null));
    }

    private static Duration metadataWait(ProducerFactory<?, ?> factory) {
        try {
            Object millis = factory.getConfigurationProperties().get(ProducerConfig.MAX_BLOCK_MS_CONFIG);
            return millis == null
                    ? Duration.ofSeconds(60)
                    : Duration.ofMillis(
                            Math.min(Long.parseLong(millis.toString().trim()), LONGEST_METADATA_WAIT_MILLIS));
        } catch (UnsupportedOperationException | NumberFormatException e) {
            // A factory of another kind, or a value that Kafka will complain about.
            return Duration.ofSeconds(60);
        }
    }

    private Producer<K, V> newProducer() {
        return isTransactional()
                ? getProducerFactory().createNonTransactionalProducer()
                : getProducerFactory().createProducer();
    }

    private int priorityOf(ProducerRecord<K, V> record) {
        Header header = record.headers().lastHeader(options.priorities().header());
        if (header == null || header.value() == null || header.value().length != 1) {
            return options.priorities().usual();
        }
        int value = header.value()[0];
        int priority = value >= '0' ? value - '0' : value;
        return priority < Buffered.LOWEST_PRIORITY || priority > Buffered.HIGHEST_PRIORITY
                ? options.priorities().usual()
                : priority;
    }

    private static int checked(int priority) {
        if (priority < Buffered.LOWEST_PRIORITY || priority > Buffered.HIGHEST_PRIORITY) {
            throw new IllegalArgumentException("A priority is 0 to 9, not " + priority);
        }
        return priority;
    }

    private static @Nullable RecordNotSentException refusalOf(CompletableFuture<?> future) {
        if (!future.isCompletedExceptionally()) {
            return null;
        }
        try {
            future.get();
            return null;
        } catch (ExecutionException e) {
            return e.getCause() instanceof RecordNotSentException refusal ? refusal : null;
        } catch (InterruptedException e) {
            throw new IllegalStateException("A complete future does not wait", e);
        }
    }
}
