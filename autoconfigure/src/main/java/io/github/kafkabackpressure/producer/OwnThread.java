package io.github.kafkabackpressure.producer;

import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.utils.KafkaThread;

/**
 * A thread of the sending half. Together with Kafka's I/O threads these must not wait for what only they can bring
 * about, although user code runs on them: callbacks, interceptors, listeners.
 *
 * <p>Threading: any thread.
 */
final class OwnThread extends Thread {

    private OwnThread(Runnable work, String name) {
        super(work, "kafka-backpressure-" + name);
        setDaemon(true);
    }

    static OwnThread of(String name, Runnable work) {
        return new OwnThread(work, name);
    }

    static OwnThread start(String name, Runnable work) {
        OwnThread thread = new OwnThread(work, name);
        thread.start();
        return thread;
    }

    /** Whether a send on the calling thread must not wait. */
    static boolean mayNotWait() {
        Thread thread = Thread.currentThread();
        return thread instanceof OwnThread || isOfKafka(thread);
    }

    /** Whether it is the thread on which a producer of Kafka sends, receives and calls back. */
    static boolean isOfKafka(Thread thread) {
        return thread instanceof KafkaThread && thread.getName().startsWith(KafkaProducer.NETWORK_THREAD_PREFIX);
    }

    /** Whether it is that of the producer with this client id. */
    static boolean isOfKafka(Thread thread, String clientId) {
        return thread instanceof KafkaThread
                && thread.getName().equals(KafkaProducer.NETWORK_THREAD_PREFIX + " | " + clientId);
    }
}
