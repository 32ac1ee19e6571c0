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
 * Sends stamped records to a topic at a constant pace, each at once, until it is stopped.
 *
 * <p>Threading: it sends on a thread of its own.
 */
final class PacedSender {

    private static final long INTERVAL_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    private final String bootstrapServers;

    private final String topic;

    private final TopicSpec spec;

    private final Thread thread = new Thread(this::run, "paced-sender");

    private volatile boolean stopped;

    private PacedSender(String bootstrapServers, String topic, TopicSpec spec) {
        this.bootstrapServers = bootstrapServers;
        this.topic = topic;
        this.spec = spec;
    }

    /** Does something while 1,000 records a second are sent, with keys and values as the topic's description says. */
    static <T> T during(Callable<T> task, String bootstrapServers, String topic, TopicSpec spec) throws Exception {
        PacedSender sender = new PacedSender(bootstrapServers, topic, spec);
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
        Map<String, Object> properties =
                Map.of(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrapServers, ProducerConfig.LINGER_MS_CONFIG, 0);
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
                next += INTERVAL_NANOS;
            }
        }
    }
}
