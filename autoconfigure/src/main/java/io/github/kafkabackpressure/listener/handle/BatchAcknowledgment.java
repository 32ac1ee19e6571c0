package io.github.kafkabackpressure.listener.handle;

import java.time.Duration;
import java.util.function.Function;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.springframework.kafka.listener.ListenerExecutionFailedException;

/**
 * The end of one attempt at a batch, where the user may also acknowledge the first part of it.
 *
 * <p>Threading: any thread signals.
 */
final class BatchAcknowledgment extends RecordAcknowledgment {

    private final IntConsumer firstOnes;

    /** By what the user counts, the position in the batch. */
    private int[] passed;

    /**
     * Makes the end of an attempt.
     *
     * @param ofResult what a failed result ends the attempt with; null where the end is not a result
     * @param size the number of records in the batch
     * @param firstOnes takes in that so many records from the first on are done
     */
    BatchAcknowledgment(@Nullable Function<Exception, Signal.Failed> ofResult, int size, IntConsumer firstOnes) {
        super(ofResult);
        this.passed = IntStream.range(0, size).toArray();
        this.firstOnes = firstOnes;
    }

    /**
     * Says which records the user gets, where an interceptor lets not all of them pass; before anyone can acknowledge.
     *
     * @param positions their positions in the batch
     */
    void setPassed(int[] positions) {
        passed = positions;
    }

    @Override
    void acknowledgedFailure(boolean isWatched) {
        if (!isWatched) { // of a batch the adapter reports the failure to nobody; it has logged it
            resultFailed(new ListenerExecutionFailedException(
                    "The asynchronous result of a batch failed; the cause is in the log."));
        }
    }

    @Override
    public void acknowledge(int index) {
        checkIndex(index);
        if (index == passed.length - 1) {
            acknowledge();
        } else if (signal() == null) {
            firstOnes.accept(passed[index] + 1);
        }
    }

    @Override
    public void nack(int index, Duration sleep) {
        checkIndex(index);
        nacked(Math.max(0, passed[index]), sleep);
    }

    private void checkIndex(int index) {
        if (index < 0 || index >= passed.length) {
            throw new IllegalArgumentException(
                    "the index " + index + " is not in the batch, which has " + passed.length + " records");
        }
    }
}
