package io.github.kafkabackpressure.producer;

/**
 * Where the sending half reports to. Implementations must not throw and must not wait.
 *
 * <p>Threading: called by callers, senders, Kafka's threads and the lifecycle thread at the same time.
 */
public interface ProducerMetrics {

    /** Reports to nobody. */
    ProducerMetrics NOOP = new ProducerMetrics() {

        @Override
        public void templateOpened(String template, ProducerStats stats) {}

        @Override
        public void flushed(ProducerFlushReport report) {}
    };

    /** A template was made; its stats can be read from now on, for as long as it lives. */
    void templateOpened(String template, ProducerStats stats);

    /** A template was destroyed: nothing of it is to be reported any more. */
    default void templateClosed(String template, ProducerStats stats) {}

    /** Producers were flushed at shutdown. */
    void flushed(ProducerFlushReport report);
}
