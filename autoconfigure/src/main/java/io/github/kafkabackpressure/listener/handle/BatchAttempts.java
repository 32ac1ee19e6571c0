package io.github.kafkabackpressure.listener.handle;

import io.github.kafkabackpressure.listener.handle.ListenerTarget.Ending;
import io.github.kafkabackpressure.listener.handle.RecordAcknowledgment.Signal;
import io.github.kafkabackpressure.listener.task.ConsumerLink;
import io.github.kafkabackpressure.listener.task.ListenerRun;
import io.github.kafkabackpressure.listener.task.RecordTask;
import io.micrometer.observation.Observation;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntConsumer;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;
import org.springframework.kafka.listener.BatchInterceptor;

/**
 * Single attempts at batches: the user's method, called once, and all that belongs around it as spring-kafka's own loop
 * does it (headers, interceptor, observations, timer).
 *
 * <p>Threading: the workers.
 */
final class BatchAttempts {

    private final ListenerRun run;

    private final BatchTarget target;

    private final AttemptSurroundings surroundings;

    BatchAttempts(ListenerRun run, BatchTarget target) {
        this.run = run;
        this.target = target;
        this.surroundings = target.surroundings();
    }

    /**
     * Makes the end of an attempt, which does not end when the method returns.
     *
     * @param size the number of records in the batch
     * @param firstOnes takes in that so many records from the first on are done
     */
    BatchAcknowledgment acknowledgment(int size, IntConsumer firstOnes) {
        return new BatchAcknowledgment(
                target.ending() == Ending.BY_RESULT
                        ? failure -> new Signal.Failed(surroundings.decorated(failure), null)
                        : null,
                size,
                firstOnes);
    }

    /**
     * Makes an attempt.
     *
     * @param acknowledgment by which the attempt ends; null if it ends when the method returns
     * @return how it ended, or null if that is not known yet
     */
    @Nullable Signal attempt(List<RecordTask> tasks, @Nullable BatchAcknowledgment acknowledgment) {
        Signal signal = intercepted(tasks, acknowledgment);
        if (signal instanceof Signal.Failed failed && acknowledgment != null) {
            acknowledgment.failed(failed.exception(), null); // what is acknowledged by it from now on is too late
        }
        return signal;
    }

    @SuppressWarnings("unchecked")
    private @Nullable Signal intercepted(List<RecordTask> tasks, @Nullable BatchAcknowledgment acknowledgment) {
        run.workers.forgetInterrupt();
        ConsumerRecords<Object, Object> records = RunningBatch.records(tasks);
        ConsumerLink owner = tasks.get(0).partition.owner;
        Consumer<Object, Object> consumer = (Consumer<Object, Object>) owner.facts.consumer();
        var interceptor = target.interceptor();
        try {
            if (surroundings.listenerInfo() != null) {
                records.forEach(surroundings::addListenerInfo);
            }
            if (interceptor == null) {
                return timed(records, acknowledgment, owner, consumer);
            }
            interceptor.setupThreadState(consumer);
            ConsumerRecords<Object, Object> passed = interceptor.intercept(records, consumer);
            if (passed == null) {
                return Signal.Done.DONE;
            }
            if (passed != records && acknowledgment != null) {
                acknowledgment.setPassed(positions(tasks, passed));
            }
            Signal signal = timed(passed, acknowledgment, owner, consumer);
            tell(interceptor, passed, signal, consumer);
            return signal;
        } catch (RuntimeException e) {
            return new Signal.Failed(surroundings.decorated(e), null);
        } finally {
            if (interceptor != null) {
                AttemptSurroundings.afterwards(
                        () -> interceptor.clearThreadState(consumer), "the batch interceptor's clearThreadState()");
            }
        }
    }

    private static void tell(
            BatchInterceptor<Object, Object> interceptor,
            ConsumerRecords<Object, Object> records,
            @Nullable Signal signal,
            Consumer<Object, Object> consumer) {
        if (signal instanceof Signal.Failed failed) {
            AttemptSurroundings.afterwards(
                    () -> interceptor.failure(records, failed.exception(), consumer),
                    "the batch interceptor's failure()");
        } else {
            AttemptSurroundings.afterwards(
                    () -> interceptor.success(records, consumer), "the batch interceptor's success()");
        }
    }

    /** Where the records that an interceptor lets pass stand in the batch; one that is not of it, where the last did. */
    private static int[] positions(List<RecordTask> tasks, ConsumerRecords<Object, Object> passed) {
        Map<TopicPartition, Map<Long, Integer>> byOffset = new HashMap<>();
        for (int position = 0; position < tasks.size(); position++) {
            RecordTask task = tasks.get(position);
            byOffset.computeIfAbsent(task.partition.partition, added -> new HashMap<>())
                    .put(task.record.offset(), position);
        }
        int[] positions = new int[passed.count()];
        int index = 0;
        int last = -1;
        for (ConsumerRecord<Object, Object> record : passed) {
            last = byOffset.getOrDefault(new TopicPartition(record.topic(), record.partition()), Map.of())
                    .getOrDefault(record.offset(), last);
            positions[index] = last;
            index++;
        }
        return positions;
    }

    private @Nullable Signal timed(
            ConsumerRecords<Object, Object> records,
            @Nullable BatchAcknowledgment acknowledgment,
            ConsumerLink owner,
            Consumer<Object, Object> consumer) {
        ListenerTimers.Running timer = surroundings.startTimer(owner);
        RuntimeException failure = call(records, acknowledgment, owner, consumer);
        if (timer != null) {
            timer.stop(null, failure);
        }
        if (failure != null) {
            return new Signal.Failed(failure, null);
        }
        return acknowledgment == null ? Signal.Done.DONE : null;
    }

    private @Nullable RuntimeException call(
            ConsumerRecords<Object, Object> records,
            @Nullable BatchAcknowledgment acknowledgment,
            ConsumerLink owner,
            Consumer<Object, Object> consumer) {
        try {
            observe(records, owner);
            target.call(records, acknowledgment, consumer);
            if (acknowledgment != null && target.watched()) {
                acknowledgment.returned();
            }
            return null;
        } catch (Exception e) {
            return surroundings.decorated(e);
        }
    }

    /** One short observation for each record, as spring-kafka does it: a batch has many parents. */
    private void observe(ConsumerRecords<Object, Object> records, ConsumerLink owner) {
        if (surroundings.observations().isNoop()) {
            return;
        }
        for (ConsumerRecord<Object, Object> record : records) {
            Observation observation = surroundings.startObservation(record, owner);
            if (observation != null) {
                observation.stop();
            }
        }
    }
}
