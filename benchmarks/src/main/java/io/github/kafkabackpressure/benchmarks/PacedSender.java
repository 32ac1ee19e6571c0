package io.github.kafkabackpressure.benchmarks;

import io.github.kafkabackpressure.benchmarks.contender.Stamp;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Sends stamped records to a topic at a constant pace, until it is stopped.
 *
 * <p>Threading: it sends on a thread of its own.
 */
final class PacedSender {

    private final String bootstrapServers;

    private final String topic;

    private final TopicSpec spec;

    private final int perSecond;

    private final Thread thread = new Thread(this::run, "paced-sender");

    private volatile boolean stopped;

    private PacedSender(String bootstrapServers, String topic, TopicSpec spec, int perSecond) {
        this.bootstrapServers = bootstrapServers;
        this.topic = topic;
        this.spec = spec;
        this.perSecond = perSecond;
    }

    /** Does something while so many records a second are sent, with keys and values as the topic's description says. */
    static <T> T during(Callable<T> task, String bootstrapServers, String topic, TopicSpec spec, int perSecond)
            throws Exception {
        PacedSender sender = new PacedSender(bootstrapServers, topic, spec, perSecond);
        sender.thread.start();
        try {
            return task.call();
        } finally {
            sender.stopped = true;
            sender.thread.join();
        }
    }

    @SuppressWarnings("FutureReturnValueIgnored") // a lost record is one sample less
    private void run() {
        Keys keys = new Keys(spec.keys(), spec.distribution());
        // Each at once, unless there are so many that the broker would be busy with single ones.
        int linger = perSecond > 1000 ? 5 : 0;
        Map<String, Object> properties = Map.of(
                ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrapServers, ProducerConfig.LINGER_MS_CONFIG, linger);
        long interval = TimeUnit.SECONDS.toNanos(1) / perSecond;
        try (KafkaProducer<String, String> producer =
                new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer())) {
            long next = System.nanoTime();
            while (!stopped) {
                long wait = next - System.nanoTime();
                if (wait > 0) {
                    LockSupport.parkNanos(wait);
                    continue;
                }
                // What is late here is late for its handler: it carries the moment when it was due.
                producer.send(new ProducerRecord<>(topic, keys.next(), Stamp.value(next, spec.recordBytes())));
                next += interval;
            }
        }
    }
}
