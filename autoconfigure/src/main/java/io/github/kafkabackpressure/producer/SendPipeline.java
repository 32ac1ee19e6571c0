package io.github.kafkabackpressure.producer;

import io.github.kafkabackpressure.Overflow;
import io.github.kafkabackpressure.SendOutcome;
import io.github.kafkabackpressure.buffer.BoundedBuffer;
import io.github.kafkabackpressure.buffer.InFlightWindow;
import io.github.kafkabackpressure.buffer.Offer;
import io.github.kafkabackpressure.producer.ProducerStop.Stage;
import io.github.kafkabackpressure.producer.spool.UndeliveredStore;
import io.github.kafkabackpressure.rate.RateLimiter;
import io.micrometer.observation.Observation;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongSupplier;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.jspecify.annotations.Nullable;
import org.springframework.kafka.support.SendResult;

/**
 * A record's way from the caller to Kafka's producer: intake, rate limit, buffer, hand-over. How it ends is up to its
 * {@link SendCompletion}.
 *
 * <p>Where the linger is zero and a full buffer blocks, a record passes by the buffer for as long as nothing waits in
 * it, the window has a place and its topic is known: the caller's own thread hands it over. A thread's records keep
 * their order, because it takes that way only when all that it sent before has been handed over.
 *
 * <p>Threading: callers send, the {@link Sender} hands over, the thread of a {@link Shutdown} closes and gives up. No
 * lock is held while Kafka or foreign code is called.
 */
@SuppressWarnings("FutureReturnValueIgnored") // How a send ends reaches the callback, whatever the futures say.
final class SendPipeline<K, V> {

    private final String name;
    private final ProducerOptions options;
    private final Surroundings<K, V> surroundings;
    private final LongSupplier nanoTime;
    private final ProducerStop stop = new ProducerStop();
    private final Runnable wakesSender = this::wakeSender;
    private final BoundedBuffer<PendingSend<K, V>> buffer;
    private final InFlightWindow window;
    private final BlockedSends blocked;
    private final Turns turns;
    private final Pace pace;
    private final KnownTopics topics;
    private final @Nullable UndeliveredStore<K, V> store;
    private final SendCompletion<K, V> completion;
    private final HandOver<K, V> handOver;
    private final CallersHandOver<K, V> callersHandOver;
    private final TransactionSends<K, V> inTransactions;
    private final StateChanges changes;
    private final PipelineStats stats;
    private final boolean passesByWhenEmpty;
    private final long maxBlockNanos;

    /** A new one after each shutdown: the thread of an old one may hang still. */
    private volatile Sender<K, V> sender;

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
        this.blocked = new BlockedSends(nanoTime);
        this.turns = new Turns(options, rateLimiter, blocked, stop::isOpen, nanoTime);
        this.pace = new Pace(options, nanoTime.getAsLong());
        this.topics = new KnownTopics(surroundings::currentProducer);
        this.completion = new SendCompletion<>(
                name,
                options,
                surroundings,
                store,
                pace,
                window,
                topics,
                stop,
                released -> sender().placeFreed(released),
                nanoTime);
        this.handOver = new HandOver<>(surroundings, completion, stop);
        this.callersHandOver = new CallersHandOver<>(window, stop, topics, handOver, store != null);
        this.inTransactions = new TransactionSends<>(stop, turns, window, completion);
        SendCompletion<K, V> refuses = completion;
        this.buffer = new BoundedBuffer<>(
                options.limits(),
                options.overflow(),
                // Needs no module and no service: RandomGenerator.getDefault() may find none.
                new SplittableRandom(),
                dropped -> {
                    var unused = refuses.refuse(dropped, SendOutcome.DROPPED); // its caller has that future
                });
        this.changes = new StateChanges(name, buffer, surroundings);
        this.stats = new PipelineStats(options, buffer, window, pace, blocked, completion.tally());
        this.maxBlockNanos = options.maxBlock().toNanos();
        this.passesByWhenEmpty = options.batching().linger().isZero() && options.overflow() == Overflow.BLOCK;
        this.sender = newSender(stop.opening());
    }

    private Sender<K, V> newSender(int opening) {
        return new Sender<>(
                name,
                buffer,
                window,
                pace,
                stop,
                opening,
                topics,
                completion,
                handOver,
                changes,
                store,
                surroundings.metadataWait().toNanos(),
                nanoTime);
    }

    // Intake: on the caller's thread.

    /** Sends, waiting for turn and room where the options and the thread allow it. Every refusal is on the future. */
    CompletableFuture<SendResult<K, V>> send(
            ProducerRecord<K, V> record, int priority, @Nullable Observation observation) {
        PendingSend<K, V> send = newSend(record, priority, observation);
        if (!stop.isOpen()) {
            return completion.refuse(send, SendOutcome.CLOSED);
        }
        if (OwnThread.mayNotWait()) {
            return sendWithoutWaiting(send, options.whenFull());
        }
        long nanos = maxBlockNanos;
        if (turns.areFor(send)) {
            long before = nanoTime.getAsLong();
            SendOutcome refusal = turns.await();
            if (refusal != null) {
                return completion.refuse(send, refusal);
            }
            nanos -= nanoTime.getAsLong() - before;
        }
        if (passesByWhenEmpty && passBy(send)) {
            return send.future;
        }
        passOn(send);
        return options.overflow() == Overflow.BLOCK
                ? put(send, nanos)
                : answered(send, buffer.offer(send, nanoTime.getAsLong()), options.whenFull());
    }

    /** Takes the record in or refuses it, but never waits. */
    CompletableFuture<SendResult<K, V>> trySend(
            ProducerRecord<K, V> record, int priority, @Nullable Observation observation) {
        PendingSend<K, V> send = newSend(record, priority, observation);
        return stop.isOpen()
                ? sendWithoutWaiting(send, SendOutcome.DROPPED)
                : completion.refuse(send, SendOutcome.CLOSED);
    }

    /** Where a full buffer blocks, a callback cannot wait for room: it may take the place that its record has left. */
    private CompletableFuture<SendResult<K, V>> sendWithoutWaiting(PendingSend<K, V> send, SendOutcome whenFull) {
        if (!turns.tryPass(send)) {
            return completion.refuse(send, SendOutcome.RATE_LIMITED);
        }
        passOn(send);
        Offer offer = buffer.offer(send, nanoTime.getAsLong());
        if (offer == Offer.FULL
                && options.overflow() == Overflow.BLOCK
                && OwnThread.mayNotWait()
                && OwnPlace.current().take(completion)) {
            offer = buffer.offerInPlaceOfAnother(send, nanoTime.getAsLong());
        }
        return answered(send, offer, whenFull);
    }

    /** Sends as part of the calling thread's transaction, see {@link TransactionSends}. */
    CompletableFuture<SendResult<K, V>> sendInTransaction(
            ProducerRecord<K, V> record, int priority, @Nullable Observation observation, Producer<K, V> producer) {
        return inTransactions.send(newSend(record, priority, observation), producer);
    }

    private PendingSend<K, V> newSend(ProducerRecord<K, V> record, int priority, @Nullable Observation observation) {
        PendingSend<K, V> send = new PendingSend<>(
                completion, record, priority, completion.sizer().sizeOf(record), observation);
        completion.given(send);
        return send;
    }

    /** Another thread will hand it over. */
    private void passOn(PendingSend<K, V> send) {
        send.copyRecord(System.currentTimeMillis());
        send.context = CallerContext.capture(send.observation);
    }

    /** Hands over on the caller's thread if nothing waits before it, the window has a place and its topic is known. */
    private boolean passBy(PendingSend<K, V> send) {
        if (buffer.backlog() != 0 || sender.mustGoFirst() || pace.isSlow()) {
            return false;
        }
        if (!callersHandOver.tryBegin(send)) {
            return false;
        }
        completion.tally().accepted();
        callersHandOver.handOver(send);
        return true;
    }

    private CompletableFuture<SendResult<K, V>> put(PendingSend<K, V> send, long nanos) {
        Offer offer = buffer.offer(send, nanoTime.getAsLong());
        if (offer != Offer.FULL || nanos <= 0) {
            return answered(send, offer, SendOutcome.TIMED_OUT);
        }
        blocked.begins();
        try {
            offer = buffer.put(send, nanoTime, nanos, wakesSender);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return completion.refuse(send, SendOutcome.INTERRUPTED);
        } finally {
            blocked.ends();
        }
        return answered(send, offer, SendOutcome.TIMED_OUT);
    }

    private CompletableFuture<SendResult<K, V>> answered(PendingSend<K, V> send, Offer offer, SendOutcome whenFull) {
        if (offer == Offer.ACCEPTED) {
            completion.tally().accepted();
            sender.recordWaits();
        }
        changes.tell();
        return switch (offer) {
            case ACCEPTED -> send.future;
            case SHED -> completion.refuse(send, SendOutcome.DROPPED);
            case TOO_LARGE -> completion.refuse(send, SendOutcome.REJECTED);
            case CLOSED -> completion.refuse(send, SendOutcome.CLOSED);
            case FULL -> completion.refuse(send, whenFull);
        };
    }

    private Sender<K, V> sender() {
        return sender;
    }

    private void wakeSender() {
        sender.wake();
    }

    // Shutdown: in this order, on its thread.

    boolean isOpen() {
        return stop.isOpen();
    }

    /** Whether the thread that waits for a shutdown is one that this pipeline needs. */
    boolean needs(Thread waiting) {
        Producer<K, V> open = surroundings.openProducer();
        return sender.runsOn(waiting) || (open != null && LiveProducer.isServedBy(open, waiting));
    }

    /** From now on nobody may send, and everything accepted leaves, whatever batch size, linger and window say. */
    void closeIntake() {
        completion.tally().shutdownBegins();
        buffer.close(); // first: who sees that the stage is another sees all that was accepted
        stop.transitionTo(Stage.CLOSING);
        turns.release();
        sender.wake();
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
        stop.transitionTo(Stage.GIVING_UP);
        sender.abort();
        buffer.takeAll().forEach(completion::giveUp);
        callersHandOver.forEach(completion::giveUp);
    }

    /**
     * Ends every send that was given up, and those for whose answer nobody waits any longer.
     *
     * @param why it was, in words
     */
    void endUndelivered(String why) {
        completion.endUndelivered(why);
        stop.transitionTo(Stage.OVER);
        completion.endUndelivered(why);
    }

    /** Takes records again, after a shutdown that has ended. */
    void reopen() {
        if (stop.stage() != Stage.OVER) {
            return;
        }
        sender = newSender(stop.opening() + 1);
        buffer.reopen();
        stop.transitionTo(Stage.OPEN);
        open();
    }

    /** Hands over all that is accepted now, whatever batch size and linger say, and waits until that is done. */
    void flush() throws InterruptedException {
        long mark = buffer.expedite();
        sender.wake();
        sender.awaitLeft(mark);
    }

    SendTally tally() {
        return completion.tally();
    }

    String name() {
        return name;
    }

    /** What it holds, and how its sends ended so far. */
    ProducerStats stats() {
        return stats;
    }

    int batchSize() {
        return pace.batchSize();
    }

    long lingerNanos() {
        return pace.lingerNanos();
    }

    /** Starts the sender if there is something to send before anything else. */
    void open() {
        if (store != null) {
            sender.recordWaits();
        }
    }
}
