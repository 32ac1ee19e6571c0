package io.github.kafkabackpressure.producer;

import io.github.kafkabackpressure.BufferState;
import io.github.kafkabackpressure.HandlingThread;
import io.github.kafkabackpressure.Overflow;
import io.github.kafkabackpressure.SendOutcome;
import io.github.kafkabackpressure.buffer.BoundedBuffer;
import io.github.kafkabackpressure.buffer.BoundedBuffer.Offer;
import io.github.kafkabackpressure.buffer.InFlightWindow;
import io.github.kafkabackpressure.buffer.SlowMode;
import io.github.kafkabackpressure.producer.spool.UndeliveredStore;
import io.github.kafkabackpressure.rate.RateGate;
import io.github.kafkabackpressure.rate.RateLimiter;
import io.micrometer.observation.Observation;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongSupplier;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.jspecify.annotations.Nullable;
import org.springframework.kafka.core.KafkaProducerException;
import org.springframework.kafka.support.KafkaUtils;
import org.springframework.kafka.support.SendResult;

/**
 * A record's way from the caller to Kafka's producer: intake, rate limit, buffer, hand-over. How it ends is up to its
 * {@link SendCompletion}.
 *
 * <p>Where the linger is zero and a full buffer blocks, a record passes by the buffer for as long as nothing waits in
 * it and the window has a place: the caller's own thread hands it over. A thread's records keep their order, because it
 * takes that way only when all that it sent before has been handed over.
 *
 * <p>Threading: callers send, the {@link Sender} hands over, the thread of a {@link Shutdown} closes and gives up. No
 * lock is held while Kafka or foreign code is called.
 */
@SuppressWarnings("FutureReturnValueIgnored") // How a send ends reaches the callback, whatever the futures say.
final class SendPipeline<K, V> implements ProducerStats {

    private static final Log logger = LogFactory.getLog(SendPipeline.class);

    private static final long NO_DEADLINE = 0;

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
    private final SendCompletion<K, V> completion;
    private final StateChanges changes;
    private final boolean passesByWhenEmpty;
    private final long maxBlockNanos;

    /** A new one after each shutdown: the thread of an old one may hang still. */
    private volatile Sender<K, V> sender;

    private volatile Intake intake = Intake.OPEN;

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
        this.window = new InFlightWindow(options.maxInFlight());
        this.rateGate = rateLimiter == null ? null : new RateGate(rateLimiter, nanoTime);
        this.slowMode = slowMode(options, nanoTime);
        this.completion = new SendCompletion<>(
                name,
                options,
                surroundings,
                store,
                slowMode,
                window,
                sizer,
                tally,
                released -> sender().placeFreed(released),
                nanoTime);
        SendCompletion<K, V> refuses = completion;
        this.buffer = new BoundedBuffer<>(
                options.limits(),
                options.overflow(),
                // Needs no module and no service: RandomGenerator.getDefault() may find none.
                new SplittableRandom(),
                dropped -> refuses.refuse(dropped, SendOutcome.DROPPED));
        this.changes = new StateChanges(buffer, this::stateChanged);
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
            return completion.refuse(send, SendOutcome.CLOSED);
        }
        long deadline = NO_DEADLINE;
        if (isRateLimited(send)) {
            deadline = nanoTime.getAsLong() + maxBlockNanos;
            SendOutcome refusal = awaitTurn();
            if (refusal != null) {
                return completion.refuse(send, refusal);
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
            return completion.refuse(send, SendOutcome.CLOSED);
        }
        if (rateGate != null && isRateLimited(send) && !rateGate.tryPass()) {
            return completion.refuse(send, SendOutcome.RATE_LIMITED);
        }
        return switch (offer(send)) {
            case ACCEPTED -> send.future;
            case SHED, FULL -> completion.refuse(send, SendOutcome.DROPPED);
            case TOO_LARGE -> completion.refuse(send, SendOutcome.REJECTED);
            case CLOSED -> completion.refuse(send, SendOutcome.CLOSED);
        };
    }

    /**
     * Sends as part of the calling thread's transaction: to its producer and at once, because the record must be there
     * before the transaction ends. Counts in the window, but does not wait for it.
     *
     * @throws KafkaProducerException if the record does not get as far as the producer: nothing else would keep the
     *     transaction from committing without it
     */
    CompletableFuture<SendResult<K, V>> sendInTransaction(
            ProducerRecord<K, V> record, int priority, @Nullable Observation observation, Producer<K, V> producer) {
        PendingSend<K, V> send = newSend(record, priority, observation);
        handOverInTransaction(send, producer);
        if (send.future.isCompletedExceptionally()
                && send.future.handle((result, failure) -> failure).join() instanceof KafkaProducerException failure) {
            throw failure;
        }
        return send.future;
    }

    private void handOverInTransaction(PendingSend<K, V> send, Producer<K, V> producer) {
        // Before the look at the intake, as in passBy.
        window.acquireRegardless(1);
        send.inFlight = true;
        SendOutcome refusal = !mayEnter() ? SendOutcome.CLOSED : isRateLimited(send) ? awaitTurn() : null;
        if (refusal != null) {
            completion.refuse(send, refusal);
            return;
        }
        tally.accepted();
        completion.beginsInTransaction(send);
        try {
            producer.send(send.record, send);
        } catch (Throwable e) {
            completion.completed(send, null, asException(e));
        }
    }

    private static Exception asException(Throwable failure) {
        return failure instanceof Exception exception ? exception : new IllegalStateException(failure);
    }

    private boolean isRateLimited(PendingSend<K, V> send) {
        return rateGate != null && send.priority() < options.priorities().bypass();
    }

    /** Says why the record cannot be sent; null if its turn has come. */
    private @Nullable SendOutcome awaitTurn() {
        try {
            if (rateGate == null || rateGate.pass(maxBlockNanos, this::mayEnter)) {
                return null;
            }
            return mayEnter() ? SendOutcome.RATE_LIMITED : SendOutcome.CLOSED;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return SendOutcome.INTERRUPTED;
        }
    }

    private PendingSend<K, V> newSend(ProducerRecord<K, V> record, int priority, @Nullable Observation observation) {
        return new PendingSend<>(completion, record, priority, sizer.sizeOf(record), observation);
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
                    return completion.refuse(send, SendOutcome.DROPPED);
                }
                case TOO_LARGE -> {
                    return completion.refuse(send, SendOutcome.REJECTED);
                }
                case CLOSED -> {
                    return completion.refuse(send, SendOutcome.CLOSED);
                }
                case FULL -> {
                    if (options.overflow() == Overflow.REJECT) {
                        return completion.refuse(send, SendOutcome.REJECTED);
                    }
                    if (options.overflow() != Overflow.BLOCK) {
                        return completion.refuse(send, SendOutcome.DROPPED);
                    }
                }
            }
            if (!mayEnter()) {
                return completion.refuse(send, SendOutcome.CLOSED);
            }
            long now = nanoTime.getAsLong();
            if (deadline == NO_DEADLINE) {
                deadline = now + maxBlockNanos;
            }
            if (deadline - now <= 0) {
                return completion.refuse(send, SendOutcome.TIMED_OUT);
            }
            sender.wake();
            try {
                buffer.awaitRoom(send, deadline - now);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return completion.refuse(send, SendOutcome.INTERRUPTED);
            }
        }
    }

    private Offer offer(PendingSend<K, V> send) {
        Offer offer = buffer.offer(send, nanoTime.getAsLong());
        if (offer == Offer.ACCEPTED) {
            tally.accepted();
            sender.recordWaits();
        }
        changes.tell();
        return offer;
    }

    // Hand-over: on the sender's thread, or on the caller's.

    /** Hands one record, which has a place in the window, to Kafka's producer. */
    void handOver(PendingSend<K, V> send) {
        completion.begins(send);
        try {
            try {
                surroundings.producer().send(send.record, send);
            } catch (IllegalStateException closedUnderUs) {
                if (send.hasEnded() || completion.isOver()) {
                    // A shutdown has given it up meanwhile: a new producer would outlive the context.
                    throw closedUnderUs;
                }
                // The factory was reset, and the record was not accepted by the producer that is gone.
                surroundings.forgetProducer();
                surroundings.producer().send(send.record, send);
            }
        } catch (Throwable e) {
            completion.completed(send, null, asException(e));
        }
    }

    private void stateChanged(BufferState state) {
        try {
            surroundings.stateChanged(state, buffer.size());
        } catch (RuntimeException e) {
            logger.warn("A listener of '" + name + "' failed", e);
        }
    }

    // For the sender.

    private Sender<K, V> sender() {
        return sender;
    }

    BoundedBuffer<PendingSend<K, V>> buffer() {
        return buffer;
    }

    InFlightWindow window() {
        return window;
    }

    SendCompletion<K, V> completion() {
        return completion;
    }

    StateChanges changes() {
        return changes;
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

    // Shutdown: in this order, on its thread; the first on the thread that closes the context.

    /** From now on only threads that handle a record may send. Releases the others that wait. */
    void refuseOutsiders() {
        if (intake == Intake.OPEN) {
            transitionTo(Intake.LISTENERS_ONLY);
        }
    }

    /** From now on nobody may send, and everything accepted leaves, whatever batch size, linger and window say. */
    void closeIntake() {
        tally.shutdownBegins();
        completion.closing();
        buffer.close(); // first: who sees that the intake is closed sees all that was accepted
        transitionTo(Intake.CLOSED);
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

    /** Whether no record is on its way any more; those that a shutdown has given up are not. */
    boolean isIdle() {
        return buffer.backlog() == 0 && window.inFlight() <= completion.givenUpInFlight();
    }

    /** The time is up: what fails from now on is not delivered. Stops the sender and collects what it has left. */
    void beginGivingUp() {
        completion.givingUp();
        sender.abort();
        List<PendingSend<K, V>> rest = new ArrayList<>();
        buffer.take(rest, Integer.MAX_VALUE);
        rest.forEach(completion::giveUp);
        buffer.handedOver(rest.size());
    }

    /** Ends every send that was given up. */
    void endUndelivered() {
        completion.over();
    }

    /** Takes records again, after a shutdown that has ended. */
    void reopen() {
        if (intake == Intake.OPEN) {
            return;
        }
        completion.reopen();
        tally.shutdownEnds();
        buffer.reopen();
        sender = new Sender<>(this);
        intake = Intake.OPEN;
        open();
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
