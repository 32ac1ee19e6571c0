package io.github.kafkabackpressure.producer.spool;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.AuthenticationException;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.jspecify.annotations.Nullable;

/**
 * Sends the records of spool files, in rounds: what failed for a reason that may pass goes again in the next, and only
 * that. A record that failed so holds back the later ones of its topic, so that none overtakes it.
 *
 * <p>Threading: the sender's thread.
 */
final class SpoolReplay implements AutoCloseable {

    private static final Log logger = LogFactory.getLog(SpoolReplay.class);

    private static final long SHORTEST_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(500);
    private static final long LONGEST_PAUSE_NANOS = TimeUnit.SECONDS.toNanos(5);
    private static final long LOOK_MILLIS = 100;
    private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(5);

    /** Sent before their answers are awaited. */
    private static final int WINDOW = 500;

    private static final int MOST_TOLD = 100;

    /** Stands for all partitions of a topic. */
    private static final int ALL = -1;

    private final String name;
    private final Supplier<Producer<byte[], byte[]>> producers;
    private final BooleanSupplier mayGoOn;

    /** What has been logged. */
    private final Set<String> told = new HashSet<>();

    private @Nullable Producer<byte[], byte[]> producer;

    /** Topics whose last answer was an acknowledgement; of another, one record goes alone until it is answered. */
    private final Set<String> reached = new HashSet<>();

    /** What the cluster has said does not exist, since the present file was begun. */
    private final Set<TopicPartition> missing = new HashSet<>();

    /** Whether the cluster does not let this producer do what it must. */
    private boolean denied;

    SpoolReplay(String name, Supplier<Producer<byte[], byte[]>> producers, BooleanSupplier mayGoOn) {
        this.name = name;
        this.producers = producers;
        this.mayGoOn = mayGoOn;
    }

    /**
     * What became of some records.
     *
     * @param refusal what the first one was refused for
     * @param unsettled how many are neither acknowledged nor refused, because the replay must not go on
     */
    record Result(int acknowledged, int refused, @Nullable String refusal, int unsettled) {

        static final Result NONE = new Result(0, 0, null, 0);

        Result plus(Result next) {
            return new Result(
                    acknowledged + next.acknowledged,
                    refused + next.refused,
                    refusal == null ? next.refusal : refusal,
                    unsettled + next.unsettled);
        }
    }

    /** Another file follows: what was missing may be there by now. */
    void begin() {
        missing.clear();
    }

    /** Returns when all is settled, or when the replay must stop. */
    Result send(List<ProducerRecord<byte[], byte[]>> records) {
        Batch batch = new Batch(records);
        long pause = SHORTEST_PAUSE_NANOS;
        while (!batch.unsettled.isEmpty() && !mustStop()) {
            if (batch.round()) {
                pause = SHORTEST_PAUSE_NANOS;
            }
            if (!batch.unsettled.isEmpty()) {
                LockSupport.parkNanos(this, pause);
                pause = Math.min(2 * pause, LONGEST_PAUSE_NANOS);
            }
        }
        return batch.result();
    }

    /** An interrupt is how a shutdown ends a call that blocks. */
    boolean mustStop() {
        return !mayGoOn.getAsBoolean() || Thread.currentThread().isInterrupted();
    }

    /** Drops what is not acknowledged. */
    @Override
    public void close() {
        Producer<byte[], byte[]> open = producer;
        producer = null;
        if (open == null) {
            return;
        }
        try {
            open.close(mustStop() ? Duration.ZERO : CLOSE_TIMEOUT);
        } catch (KafkaException e) {
            // Interrupted, most likely; it closes all the same.
            logger.debug("The producer of the replay of '" + name + "' did not close in time", e);
        }
    }

    private @Nullable Producer<byte[], byte[]> producer() {
        if (producer == null) {
            reached.clear();
            denied = false;
            try {
                producer = producers.get();
            } catch (RuntimeException e) {
                // Without a record in it, so with all that it says.
                tell("no producer can be opened, " + e.getMessage(), e);
            }
        }
        return producer;
    }

    /** Once for each kind: it may go on for days. */
    private void tell(String what, Throwable cause) {
        if (told.size() < MOST_TOLD && told.add(what + cause.getClass())) {
            logger.warn("The replay of the spool of '" + name + "' goes on trying: " + what + ": "
                    + LogText.ofKafka(cause));
        }
    }

    private static Future<RecordMetadata> send(
            ProducerRecord<byte[], byte[]> record, Producer<byte[], byte[]> producer) {
        try {
            return producer.send(record);
        } catch (RuntimeException e) {
            // A partitioner that cannot take the key, for instance.
            return CompletableFuture.failedFuture(e);
        }
    }

    /** Such a failure leaves an idempotent producer useless, also when the cluster would let it in by now. */
    private static boolean isDenied(Throwable failure) {
        for (@Nullable Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof AuthenticationException || cause instanceof AuthorizationException) {
                return true;
            }
        }
        return false;
    }

    private static final class Unsettled {

        final ProducerRecord<byte[], byte[]> record;
        Future<RecordMetadata> answer = new CompletableFuture<>();
        boolean settled;

        Unsettled(ProducerRecord<byte[], byte[]> record) {
            this.record = record;
        }
    }

    /** Records on their way. */
    private final class Batch {

        final List<Unsettled> unsettled = new ArrayList<>();

        private final Deque<Unsettled> inFlight = new ArrayDeque<>();
        private final Set<String> heldBack = new HashSet<>();

        private int acknowledged;
        private int refused;
        private @Nullable String refusal;

        Batch(List<ProducerRecord<byte[], byte[]>> records) {
            records.forEach(record -> unsettled.add(new Unsettled(record)));
        }

        Result result() {
            return new Result(acknowledged, refused, refusal, unsettled.size());
        }

        /** Sends each record that is left once, unless it is held back; says whether any was settled. */
        boolean round() {
            Producer<byte[], byte[]> current = producer();
            if (current == null) {
                return false;
            }
            heldBack.clear();
            for (Unsettled next : unsettled) {
                if (mustStop()) {
                    break;
                }
                sendUnlessHeldBack(next, current);
            }
            awaitAnswers(current);
            if (denied) {
                close();
            }
            return unsettled.removeIf(one -> one.settled);
        }

        private void sendUnlessHeldBack(Unsettled next, Producer<byte[], byte[]> current) {
            String topic = next.record.topic();
            if (isMissing(next.record)) {
                refused(next, "its topic or partition is missing");
            } else if (!heldBack.contains(topic)) {
                next.answer = send(next.record, current);
                inFlight.add(next);
                if (next.answer.isDone() || !reached.contains(topic) || inFlight.size() >= WINDOW) {
                    awaitAnswers(current);
                }
            }
        }

        private void awaitAnswers(Producer<byte[], byte[]> current) {
            for (Unsettled one = inFlight.poll(); one != null; one = inFlight.poll()) {
                awaitAnswer(one, current);
            }
        }

        private void awaitAnswer(Unsettled one, Producer<byte[], byte[]> current) {
            do {
                try {
                    one.answer.get(LOOK_MILLIS, TimeUnit.MILLISECONDS);
                    acknowledged(one);
                    return;
                } catch (java.util.concurrent.TimeoutException e) {
                    // Looks again whether it may go on.
                } catch (ExecutionException e) {
                    failed(one, e.getCause() == null ? e : e.getCause(), current);
                    return;
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            } while (!mustStop());
        }

        private void acknowledged(Unsettled one) {
            one.settled = true;
            acknowledged++;
            if (!heldBack.contains(one.record.topic())) {
                reached.add(one.record.topic());
            }
        }

        private void refused(Unsettled one, String reason) {
            one.settled = true;
            refused++;
            if (refusal == null) {
                refusal = reason;
            }
        }

        private void failed(Unsettled one, Throwable cause, Producer<byte[], byte[]> current) {
            if (cause instanceof InterruptException) {
                return;
            }
            if (isDenied(cause)) {
                denied = true;
            } else if (!(cause instanceof RetriableException) || learnsThatItIsMissing(one.record, cause, current)) {
                refused(one, LogText.ofKafka(cause));
                return;
            }
            String topic = one.record.topic();
            heldBack.add(topic);
            reached.remove(topic);
            tell("a record for topic " + LogText.of(topic) + " was not sent", cause);
        }

        private boolean isMissing(ProducerRecord<byte[], byte[]> record) {
            return missing.contains(new TopicPartition(record.topic(), ALL))
                    || (record.partition() != null
                            && missing.contains(new TopicPartition(record.topic(), record.partition())));
        }

        /**
         * A wait for metadata that ends in vain says the same of a topic that is missing and of a cluster that is away.
         * What tells them apart is an answer of the cluster: that it does not know the topic, which Kafka's producer
         * gives as the cause, or metadata of the topic without the partition. A cluster that is away gives neither, and
         * a partition without a leader is in the metadata.
         */
        private boolean learnsThatItIsMissing(
                ProducerRecord<byte[], byte[]> record, Throwable failure, Producer<byte[], byte[]> current) {
            if (!(failure instanceof TimeoutException)) {
                return false;
            }
            if (failure.getCause() instanceof UnknownTopicOrPartitionException) {
                missing.add(new TopicPartition(record.topic(), ALL));
                return true;
            }
            Integer partition = record.partition();
            if (partition != null && partition >= partitionsKnown(record.topic(), current)) {
                missing.add(new TopicPartition(record.topic(), partition));
                return true;
            }
            return false;
        }

        private int partitionsKnown(String topic, Producer<byte[], byte[]> current) {
            try {
                return current.partitionsFor(topic).size();
            } catch (KafkaException e) {
                return Integer.MAX_VALUE;
            }
        }
    }
}
