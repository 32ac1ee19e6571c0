package io.github.kafkabackpressure.benchmarks.contender;

import io.confluent.parallelconsumer.ParallelConsumerOptions;
import io.confluent.parallelconsumer.ParallelConsumerOptions.ProcessingOrder;
import io.confluent.parallelconsumer.ParallelStreamProcessor;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;

/**
 * Confluent's Parallel Consumer, with the buffer that its README describes under "Partition" ordering: twice as many
 * records as a fetch brings of all partitions, and a fetch that is no larger than a batch of the topic.
 */
final class ParallelConsumers {

    /** A batch of the topics that are filled here. */
    private static final int FETCH_BYTES = 65_536;

    /** What a record takes of a batch besides its value, in bytes. */
    private static final int OVERHEAD_BYTES = 20;

    private ParallelConsumers() {}

    static Probe unordered(Run run) {
        return start(run, ProcessingOrder.UNORDERED, bufferSize(run));
    }

    static Probe key(Run run) {
        return start(run, ProcessingOrder.KEY, bufferSize(run));
    }

    static Probe keyWithDefaults(Run run) {
        return start(run, ProcessingOrder.KEY, 0);
    }

    static Probe partition(Run run) {
        return start(run, ProcessingOrder.PARTITION, bufferSize(run));
    }

    /** 2 × partitions × records of a partition's fetch, but no less than what keeps its threads busy. */
    private static int bufferSize(Run run) {
        int fetched = Math.max(1, FETCH_BYTES / (run.recordBytes() + OVERHEAD_BYTES));
        return Math.max(2 * run.load().concurrency(), 2 * run.partitions() * fetched);
    }

    /** With a buffer of so many records; 0 for its own, which grows and shrinks. */
    private static Probe start(Run run, ProcessingOrder ordering, int bufferSize) {
        Probe probe = Probe.of(run);
        Map<String, Object> properties = run.consumerProperties();
        properties.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
        if (bufferSize > 0) {
            properties.put(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG, FETCH_BYTES);
        }
        var options = ParallelConsumerOptions.<String, String>builder()
                .consumer(new KafkaConsumer<>(properties))
                .ordering(ordering)
                .maxConcurrency(run.load().concurrency());
        if (bufferSize > 0) {
            options.messageBufferSize(bufferSize);
        }
        if (run.commitsEachSecond()) {
            options.commitInterval(Duration.ofSeconds(1));
        }
        ParallelStreamProcessor<String, String> processor =
                ParallelStreamProcessor.createEosStreamProcessor(options.build());
        processor.subscribe(List.of(run.topic()));
        processor.poll(context -> probe.handle(context.getSingleConsumerRecord()));
        return probe;
    }
}
