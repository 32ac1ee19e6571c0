package io.github.kafkabackpressure.producer;

import io.github.kafkabackpressure.BufferState;
import io.github.kafkabackpressure.HandlingThread;
import io.github.kafkabackpressure.Overflow;
import io.github.kafkabackpressure.RecordNotSentException;
import io.github.kafkabackpressure.SendOutcome;
import io.github.kafkabackpressure.buffer.BoundedBuffer;
import io.github.kafkabackpressure.buffer.BoundedBuffer.Offer;
import io.github.kafkabackpressure.buffer.InFlightWindow;
import io.github.kafkabackpressure.buffer.RateLimiter;
import io.github.kafkabackpressure.buffer.SlowMode;
import io.micrometer.observation.Observation;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import java.util.random.RandomGenerator;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.RetriableException;
import org.jspecify.annotations.Nullable;
import org.springframework.kafka.core.KafkaProducerException;
import org.springframework.kafka.support.KafkaUtils;
import org.springframework.kafka.support.SendResult;

/**
 * A record's way from the caller to its outcome: intake, rate limit, buffer, hand-over to Kafka's producer, completion.
 *
 * <p>Where the linger is zero and a full buffer blocks, a record passes by the buffer for as long as nothing waits in it
 * and the window has a place: the caller's own thread hands it over. A thread's records keep their order, because it
 * takes that way only when all that it sent before has been handed over.
 *
 * <p>Threading: callers send, the {@link Sender} hands over, Kafka's thread completes, the lifecycle thread closes and
 * ends. No lock is held while Kafka or foreign code is called.
 */
@SuppressWarnings("FutureReturnValueIgnored") // How a send ends reaches the callback, whatever the futures say.
final class SendPipeline<K, V> implements ProducerStats {

    private static final Log logger = LogFactory.getLog(SendPipeline.class);

    /** What the pipeline calls outside of itself. */
    interface Surroundings<K, V> {

        /** The producer to hand over to; called for each record, so it should remember it. */
        Producer<K, V> producer();

        /** The producer was closed under us; the next {@link #producer()} must be another. */
        void forgetProducer();

        /** The broker acknowledged a record. */
        void delivered(ProducerRecord<K, V> record, RecordMetadata metadata);

        /** An accepted record was not delivered. */
        void failed(ProducerRecord<K, V> record, @Nullable RecordMetadata metadata, Exception failure);

        /** The buffer changed its state. */
        void stateChanged(BufferState state, int buffered);
    }

    private final String name;
    private final ProducerOptions options;
    private final Surroundings<K, V> surroundings;
    private final LongSupplier nanoTime;
    private final BoundedBuffer<PendingSend<K, V>> buffer;
    private final InFlightWindow window;
    private final @Nullable RateGate rateGate;
    private final @Nullable SlowMode slowMode;
    private final @Nullable UndeliveredStore<K, V> store;
    private final RecordSizer sizer = new RecordSizer();
    private final SendTally tally = new SendTally();
    private final Sender<K, V> sender;
    private final boolean passesByWhenEmpty;
    private final long maxBlockNanos;
    private final AtomicLong order = new AtomicLong();
    private final AtomicBoolean publishing = new AtomicBoolean();

    /** What a shutdown could not deliver, until it is known whether it can be kept. */
    private final Queue<PendingSend<K, V>> undelivered = new ConcurrentLinkedQueue<>();

    private volatile Intake intake = Intake.OPEN;
    private volatile boolean givingUp;

    SendPipeline(
            String name,
            ProducerOptions options,
            @Nullable RateLimiter rateLimiter,
            @Nullable UndeliveredStore<K, V> store,
            Surroundings<K, V> surroundings,
            LongSupplier nanoTime) {
        this.name = name;
        this.options = options;
        this.store = store;
        this.surroundings = surroundings;
        this.nanoTime = nanoTime;
        this.buffer = new BoundedBuffer<>(
                options.limits(), options.overflow(), RandomGenerator.getDefault(), this::droppedForAnother);
        this.window = new InFlightWindow(options.maxInFlight());
        this.rateGate = rateLimiter == null ? null : new RateGate(rateLimiter, nanoTime);
        this.slowMode = slowMode(options, nanoTime);
        this.maxBlockNanos = options.maxBlock().toNanos();
        this.passesByWhenEmpty = options.batching().linger().isZero() && options.overflow() == Overflow.BLOCK;
        this.sender = new Sender<>(this);
    }

    private static @Nullable SlowMode slowMode(ProducerOptions options, LongSupplier nanoTime) {
        ProducerOptions.SlowModeOptions slow = options.slowMode();
        if (slow == null) {
            return null;
        }
        return new SlowMode(
                new SlowMode.Bounds(
                        slow.threshold().toNanos(),
                        options.batching().size(),
                        slow.maxBatchSize(),
                        options.batching().linger().toNanos(),
                        slow.maxLinger().toNanos()),
                nanoTime.getAsLong());
    }

    // Intake: on the caller's thread.

    /** Sends, waiting for turn and room where the options say so. Every refusal is on the future. */
    CompletableFuture<SendResult<K, V>> send(
            ProducerRecord<K, V> record, int priority, @Nullable Observation observation) {
        PendingSend<K, V> send = newSend(record, priority, observation);
        if (!mayEnter()) {
            return refuse(send, SendOutcome.CLOSED);
        }
        long deadline = 0;
        if (rateGate != null && priority < options.priorities().bypass()) {
            deadline = nanoTime.getAsLong() + maxBlockNanos;
            try {
                if (!rateGate.pass(maxBlockNanos, this::mayEnter)) {
                    return refuse(send, mayEnter() ? SendOutcome.RATE_LIMITED : SendOutcome.CLOSED);
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return refuse(send, SendOutcome.INTERRUPTED);
            }
        }
        if (passesByWhenEmpty && passBy(send)) {
            return send.future;
        }
        return enqueue(send, deadline);
    }

    /** Takes the record in or refuses it, but never waits. */
    CompletableFuture<SendResult<K, V>> trySend(
            ProducerRecord<K, V> record, int priority, @Nullable Observation observation) {
        PendingSend<K, V> send = newSend(record, priority, observation);
        if (!mayEnter()) {
            return refuse(send, SendOutcome.CLOSED);
        }
        if (rateGate != null && priority < options.priorities().bypass() && !rateGate.tryPass()) {
            return refuse(send, SendOutcome.RATE_LIMITED);
        }
        Offer offer = offer(send);
        return switch (offer) {
            case ACCEPTED -> send.future;
            case SHED, FULL -> refuse(send, SendOutcome.DROPPED);
            case TOO_LARGE -> refuse(send, SendOutcome.REJECTED);
            case CLOSED -> refuse(send, SendOutcome.CLOSED);
        };
    }

    /**
     * Sends as part of the calling thread's transaction: to its producer and at once, because the record must be there
     * before the transaction ends. Counts in the window, but does not wait for it.
     */
    CompletableFuture<SendResult<K, V>> sendInTransaction(
            ProducerRecord<K, V> record, int priority, @Nullable Observation observation, Producer<K, V> producer) {
        PendingSend<K, V> send = newSend(record, priority, observation);
        window.acquireRegardless(1);
        send.inFlight = true;
        send.transactional = true;
        if (!mayEnter()) {
            return refuse(send, SendOutcome.CLOSED);
        }
        if (rateGate != null && priority < options.priorities().bypass()) {
            try {
                if (!rateGate.pass(maxBlockNanos, this::mayEnter)) {
                    return refuse(send, mayEnter() ? SendOutcome.RATE_LIMITED : SendOutcome.CLOSED);
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return refuse(send, SendOutcome.INTERRUPTED);
            }
        }
        tally.accepted();
        try {
            producer.send(send.record, send);
        } catch (Exception e) {
            completed(send, null, e);
        }
        return send.future;
    }

    private PendingSend<K, V> newSend(ProducerRecord<K, V> record, int priority, @Nullable Observation observation) {
        return new PendingSend<>(this, record, priority, sizer.sizeOf(record), observation);
    }

    private boolean mayEnter() {
        Intake now = intake;
        return now == Intake.OPEN || (now == Intake.LISTENERS_ONLY && handlesARecord());
    }

    private static boolean handlesARecord() {
        return HandlingThread.isHandling() || KafkaUtils.getConsumerGroupId() != null;
    }

    /** Hands over on the caller's thread if nothing waits before it and the window has a place. */
    private boolean passBy(PendingSend<K, V> send) {
        if (buffer.backlog() != 0 || sender.mustGoFirst() || (slowMode != null && slowMode.active())) {
            return false;
        }
        if (window.tryAcquire(1) == 0) {
            return false;
        }
        // The place is taken before the look at the intake, and the shutdown closes the intake before it looks at the
        // window: one of the two sees the other.
        if (!mayEnter()) {
            window.release();
            return false;
        }
        tally.accepted();
        handOver(send);
        return true;
    }

    private CompletableFuture<SendResult<K, V>> enqueue(PendingSend<K, V> send, long knownDeadline) {
        long deadline = knownDeadline;
        while (true) {
            Offer offer = offer(send);
            switch (offer) {
                case ACCEPTED -> {
                    return send.future;
                }
                case SHED -> {
                    return refuse(send, SendOutcome.DROPPED);
                }
                case TOO_LARGE -> {
                    return refuse(send, SendOutcome.REJECTED);
                }
                case CLOSED -> {
                    return refuse(send, SendOutcome.CLOSED);
                }
                case FULL -> {
                    if (options.overflow() == Overflow.REJECT) {
                        return refuse(send, SendOutcome.REJECTED);
                    }
                    if (options.overflow() != Overflow.BLOCK) {
                        return refuse(send, SendOutcome.DROPPED);
                    }
                }
            }
            if (!mayEnter()) {
                return refuse(send, SendOutcome.CLOSED);
            }
            long now = nanoTime.getAsLong();
            if (deadline == 0) {
                deadline = now + maxBlockNanos;
            }
            if (deadline - now <= 0) {
                return refuse(send, SendOutcome.TIMED_OUT);
            }
            sender.wake();
            try {
                buffer.awaitRoom(send, deadline - now);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return refuse(send, SendOutcome.INTERRUPTED);
            }
        }
    }

    private Offer offer(PendingSend<K, V> send) {
        Offer offer = buffer.offer(send, nanoTime.getAsLong());
        if (offer == Offer.ACCEPTED) {
            tally.accepted();
            sender.recordWaits();
        }
        if (buffer.hasChanged()) {
            publishChanges();
        }
        return offer;
    }

    // Hand-over: on the sender's thread, or on the caller's.

    /** Hands one record, which has a place in the window, to Kafka's producer. */
    void handOver(PendingSend<K, V> send) {
        send.inFlight = true;
        if (store != null) {
            send.order = order.incrementAndGet();
        }
        if (slowMode != null) {
            send.handedOverNanos = nanoTime.getAsLong();
        }
        try {
            try {
                surroundings.producer().send(send.record, send);
            } catch (IllegalStateException closedUnderUs) {
                // The factory was reset, and the record was not accepted by the producer that is gone.
                surroundings.forgetProducer();
                surroundings.producer().send(send.record, send);
            }
        } catch (Throwable e) {
            completed(send, null, e instanceof Exception failure ? failure : new IllegalStateException(e));
        }
    }

    // Completion: on Kafka's thread, mostly.

    void completed(PendingSend<K, V> send, @Nullable RecordMetadata metadata, @Nullable Exception failure) {
        if (slowMode != null) {
            long now = nanoTime.getAsLong();
            slowMode.acknowledged(now - send.handedOverNanos);
            slowMode.step(now, window.inFlight());
        }
        if (failure == null && metadata != null) {
            sizer.learn(metadata);
            if (!end(send, SendOutcome.DELIVERED)) {
                return;
            }
            send.future.complete(new SendResult<>(send.record, metadata));
            observed(send, null);
            try {
                surroundings.delivered(send.record, metadata);
            } catch (RuntimeException e) {
                logger.warn("A listener of '" + name + "' failed", e);
            }
            return;
        }
        Exception cause =
                failure == null ? new IllegalStateException("Kafka gave neither result nor failure") : failure;
        send.failed = true;
        if (isForTheStore(cause)) {
            undelivered.add(send);
            return;
        }
        SendOutcome outcome = cause instanceof InterruptException ? SendOutcome.INTERRUPTED : SendOutcome.FAILED;
        if (!end(send, outcome)) {
            return;
        }
        KafkaProducerException exception = outcome == SendOutcome.INTERRUPTED
                ? new RecordNotSentException(send.record, outcome, "Interrupted while it was handed to Kafka", cause)
                : new KafkaProducerException(send.record, "Failed to send", cause);
        send.future.completeExceptionally(exception);
        observed(send, exception);
        tell(() -> surroundings.failed(send.record, metadata, cause));
    }

    /** During a shutdown, what time was too short for is not a failure of the record. */
    private boolean isForTheStore(Exception cause) {
        return givingUp
                || (intake == Intake.CLOSED
                        && (cause instanceof InterruptException
                                || (store != null && cause instanceof RetriableException)));
    }

    /** Counts the outcome and frees the place, unless that has been done. */
    private boolean end(PendingSend<K, V> send, SendOutcome outcome) {
        if (!send.end()) {
            return false;
        }
        tally.ended(outcome, send.record.topic());
        if (send.inFlight) {
            window.release();
            sender.placeFreed();
        }
        return true;
    }

    private void droppedForAnother(PendingSend<K, V> send) {
        refuse(send, SendOutcome.DROPPED);
    }

    private CompletableFuture<SendResult<K, V>> refuse(PendingSend<K, V> send, SendOutcome outcome) {
        if (end(send, outcome)) {
            RecordNotSentException exception = notSent(send, outcome);
            send.future.completeExceptionally(exception);
            observed(send, exception);
        }
        return send.future;
    }

    private RecordNotSentException notSent(PendingSend<K, V> send, SendOutcome outcome) {
        String buffered =
                "the buffer of '" + name + "' (max-buffered " + options.limits().records() + ", max-buffered-bytes "
                        + options.limits().bytes() + ")";
        return switch (outcome) {
            case REJECTED -> notSent(send, outcome, "Refused: no room in " + buffered, null);
            case TIMED_OUT -> {
                String message = "Refused: no room in " + buffered + " within max-block, " + options.maxBlock();
                yield notSent(send, outcome, message, new TimeoutException(message));
            }
            case INTERRUPTED -> notSent(send, outcome, "Refused: interrupted while waiting to send", null);
            case RATE_LIMITED ->
                notSent(send, outcome, "Refused: not its turn under the rate limit of '" + name + "'", null);
            case DROPPED -> notSent(send, outcome, "Dropped: " + buffered + " is under pressure", null);
            case CLOSED ->
                notSent(
                        send,
                        outcome,
                        "Refused: the application context is closing, '" + name + "' takes no records",
                        null);
            case NOT_DELIVERED ->
                notSent(
                        send,
                        outcome,
                        "Not acknowledged within flush-timeout, " + options.flushTimeout()
                                + ", while the application context was closing",
                        null);
            case SPOOLED ->
                notSent(
                        send,
                        outcome,
                        "Not acknowledged in time, kept in the spool directory for the next start",
                        null);
            case DELIVERED, FAILED -> throw new IllegalArgumentException(outcome + " is not a refusal");
        };
    }

    private RecordNotSentException notSent(
            PendingSend<K, V> send, SendOutcome outcome, String message, @Nullable Throwable cause) {
        return new RecordNotSentException(send.record, outcome, message, cause);
    }

    private static void observed(PendingSend<?, ?> send, @Nullable Exception failure) {
        Observation observation = send.observation;
        if (observation == null) {
            return;
        }
        if (failure != null) {
            observation.error(failure);
        }
        observation.stop();
    }

    private void tell(Runnable listener) {
        try {
            listener.run();
        } catch (RuntimeException e) {
            logger.warn("A listener of '" + name + "' failed", e);
        }
    }

    /** One thread at a time publishes, so that listeners see the changes in their order. */
    void publishChanges() {
        while (buffer.hasChanged() && publishing.compareAndSet(false, true)) {
            try {
                for (BufferState change = buffer.nextChange(); change != null; change = buffer.nextChange()) {
                    BufferState state = change;
                    tell(() -> surroundings.stateChanged(state, buffer.size()));
                }
            } finally {
                publishing.set(false);
            }
        }
    }

    // For the sender.

    BoundedBuffer<PendingSend<K, V>> buffer() {
        return buffer;
    }

    InFlightWindow window() {
        return window;
    }

    @Nullable UndeliveredStore<K, V> store() {
        return store;
    }

    long now() {
        return nanoTime.getAsLong();
    }

    int batchSize() {
        return slowMode == null ? options.batching().size() : slowMode.batchSize();
    }

    long lingerNanos() {
        return slowMode == null ? options.batching().linger().toNanos() : slowMode.lingerNanos();
    }

    void stepSlowMode(long now) {
        if (slowMode != null) {
            slowMode.step(now, window.inFlight());
        }
    }

    boolean closed() {
        return intake == Intake.CLOSED;
    }

    boolean givingUp() {
        return givingUp;
    }

    /** This one will not be handed over any more. */
    void giveUp(PendingSend<K, V> send) {
        if (store != null) {
            send.order = order.incrementAndGet();
        }
        undelivered.add(send);
    }

    // Shutdown: on the lifecycle's thread, in this order.

    /** From now on only threads that handle a record may send. Releases the others that wait. */
    void refuseOutsiders() {
        if (intake == Intake.OPEN) {
            transitionTo(Intake.LISTENERS_ONLY);
        }
    }

    /** From now on nobody may send, and everything accepted leaves, whatever batch size, linger and window say. */
    void closeIntake() {
        tally.shutdownBegins();
        transitionTo(Intake.CLOSED);
        buffer.close();
        sender.wake();
    }

    private void transitionTo(Intake next) {
        intake = next;
        buffer.releaseWaiters();
        if (rateGate != null) {
            rateGate.release();
        }
    }

    /** Waits until all that was accepted is handed over, or the deadline. Not shortened by interrupts. */
    boolean awaitHandedOver(long deadlineNanos) {
        return sender.awaitEnd(deadlineNanos);
    }

    /** Whether a record is still on its way. */
    boolean isIdle() {
        return buffer.backlog() == 0 && window.inFlight() == 0;
    }

    /** The time is up: what fails from now on is not delivered. Stops the sender and collects what it has left. */
    void beginGivingUp() {
        givingUp = true;
        sender.abort();
        List<PendingSend<K, V>> rest = new ArrayList<>();
        buffer.take(rest, Integer.MAX_VALUE);
        rest.forEach(this::giveUp);
        buffer.handedOver(rest.size());
    }

    /** Ends every send that was given up; keeps what can be kept. */
    void endUndelivered() {
        List<PendingSend<K, V>> all = new ArrayList<>();
        for (PendingSend<K, V> send = undelivered.poll(); send != null; send = undelivered.poll()) {
            if (!send.hasEnded()) {
                all.add(send);
            }
        }
        all.sort(Comparator.comparingLong(send -> send.order));
        List<PendingSend<K, V>> keepable =
                all.stream().filter(send -> !send.transactional).toList();
        Set<PendingSend<K, V>> kept = store == null || keepable.isEmpty() ? Set.of() : store.keep(keepable);
        for (PendingSend<K, V> send : all) {
            SendOutcome outcome = kept.contains(send) ? SendOutcome.SPOOLED : SendOutcome.NOT_DELIVERED;
            if (end(send, outcome)) {
                RecordNotSentException exception = notSent(send, outcome);
                send.future.completeExceptionally(exception);
                observed(send, exception);
                tell(() -> surroundings.failed(send.record, null, exception));
            }
        }
    }

    /** Takes records again, after a shutdown that has ended. */
    void reopen() {
        if (intake == Intake.OPEN) {
            return;
        }
        givingUp = false;
        tally.shutdownEnds();
        buffer.reopen();
        sender.reset();
        intake = Intake.OPEN;
    }

    /** Hands over all that is accepted now, whatever batch size and linger say, and waits until that is done. */
    void flush() throws InterruptedException {
        long mark = buffer.expedite();
        sender.wake();
        sender.awaitLeft(mark);
    }

    SendTally tally() {
        return tally;
    }

    String name() {
        return name;
    }

    /** Starts the sender if there is something to send before anything else. */
    void open() {
        if (store != null) {
            sender.recordWaits();
        }
    }

    @Override
    public int buffered() {
        return buffer.size();
    }

    @Override
    public long bufferedBytes() {
        return buffer.bytes();
    }

    @Override
    public int inFlight() {
        return window.inFlight();
    }

    @Override
    public int maxInFlight() {
        return window.limit();
    }

    @Override
    public BufferState state() {
        return buffer.state();
    }

    @Override
    public boolean slow() {
        return slowMode != null && slowMode.active();
    }

    @Override
    public long accepted() {
        return tally.acceptedTotal();
    }

    @Override
    public long ended(SendOutcome outcome) {
        return tally.endedTotal(outcome);
    }
}
