package io.github.kafkabackpressure.listener.consume;

import io.github.kafkabackpressure.listener.consume.ConsumerLife.State;
import io.github.kafkabackpressure.listener.task.Nanos;
import java.time.Duration;
import java.util.List;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.errors.WakeupException;
import org.jspecify.annotations.Nullable;

/**
 * The turns of a consumer's loop. In each a tick, which takes one step after the other, then Kafka's poll, then the
 * hand-over of what that has brought.
 *
 * <p>Threading: the consumer's thread.
 */
final class Turns<K, V> {

    private final Assignment assignment;

    private final Consumer<K, V> kafka;

    private final ConsumerLife life;

    private final Seeks seeks;

    /** What is done before each poll, in this order. */
    private final List<TickStep> steps;

    /** What a poll has returned and nobody has handed to the workers yet. */
    private @Nullable ConsumerRecords<K, V> leftBehind;

    /**
     * Makes the turns of a consumer.
     *
     * @param kafka Kafka's own consumer
     * @param steps what is done before each poll, in this order
     */
    Turns(Assignment assignment, Consumer<K, V> kafka, ConsumerLife life, Seeks seeks, List<TickStep> steps) {
        this.assignment = assignment;
        this.kafka = kafka;
        this.life = life;
        this.seeks = seeks;
        this.steps = List.copyOf(steps);
    }

    /** What a poll has returned and nobody has handed to the workers yet; null if there is nothing. */
    @Nullable ConsumerRecords<K, V> leftBehind() {
        return leftBehind;
    }

    /** Does a tick and polls. */
    ConsumerRecords<K, V> next(Duration timeout) {
        assignment.link.gate.beginTick();
        boolean loopIsAsked = assignment.link.takeLoopIsAsked();
        assignment.link.throwFailure();
        handOverLeftBehind();
        for (TickStep step : steps) {
            step.tick(life.polledAt());
        }
        ConsumerRecords<K, V> records = poll(loopIsAsked ? Duration.ZERO : timeout);
        leftBehind = records.isEmpty() ? null : records;
        seeks.applyAfterPoll();
        if (records.isEmpty()) {
            assignment.moveTo(records.nextOffsets());
        }
        return records;
    }

    /** Makes good for a loop in which something threw an exception after a poll: Kafka does not give its records again. */
    private void handOverLeftBehind() {
        ConsumerRecords<K, V> records = leftBehind;
        if (records != null) {
            dispatch(records);
        }
    }

    private ConsumerRecords<K, V> poll(Duration timeout) {
        boolean wakeable = life.state() != State.CUT_SHORT && assignment.link.gate.enterPoll();
        State after = State.BETWEEN_POLLS;
        State before = life.transitionTo(State.POLLING);
        try {
            ConsumerRecords<K, V> records = kafka.poll(wakeable ? atMost(timeout) : Duration.ZERO);
            assignment.pollFailed(null);
            return records;
        } catch (WakeupException e) {
            after = wakeable ? State.CUT_SHORT : State.BETWEEN_POLLS;
            return ConsumerRecords.empty();
        } catch (RuntimeException | Error e) {
            assignment.pollFailed(e);
            throw e;
        } finally {
            assignment.link.gate.leavePoll();
            life.end(ConsumerLife.isCalledBack(before) ? before : after);
            life.polls(); // also after one that failed: the next drain has all of its time
        }
    }

    private Duration atMost(Duration timeout) {
        long nanos = Nanos.of(timeout);
        for (TickStep step : steps) {
            nanos = Math.min(nanos, step.nanosToNext());
        }
        return Nanos.roundedUp(nanos);
    }

    /** Takes in what workers have finished. */
    static void takeCompletions(Assignment assignment) {
        try {
            assignment.takeCompletions();
        } catch (RuntimeException e) {
            throw notHandedOver(e);
        }
    }

    /** Hands polled records to the workers. */
    void dispatch(ConsumerRecords<?, ?> records) {
        leftBehind = null;
        try {
            assignment.dispatch(records);
        } catch (RuntimeException e) {
            throw notHandedOver(e);
        }
    }

    /** What stops the container: an exception would have the loop hand over the same records once more. */
    private static Error notHandedOver(RuntimeException cause) {
        return new Error("records could not be handed to the workers", cause);
    }
}
