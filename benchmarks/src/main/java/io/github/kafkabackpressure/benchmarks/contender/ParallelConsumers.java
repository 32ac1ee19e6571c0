package io.github.kafkabackpressure.benchmarks.contender;

import io.confluent.parallelconsumer.ParallelConsumerOptions;
import io.confluent.parallelconsumer.ParallelConsumerOptions.ProcessingOrder;
import io.confluent.parallelconsumer.ParallelStreamProcessor;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;

/** Confluent's Parallel Consumer, with its defaults but for the ordering and the concurrency. */
final class ParallelConsumers {

    private ParallelConsumers() {}

    static Probe unordered(Run run) {
        return start(run, ProcessingOrder.UNORDERED);
    }

    static Probe key(Run run) {
        return start(run, ProcessingOrder.KEY);
    }

    static Probe partition(Run run) {
        return start(run, ProcessingOrder.PARTITION);
    }

    private static Probe start(Run run, ProcessingOrder ordering) {
        Probe probe = Probe.of(run);
        Map<String, Object> properties = run.consumerProperties();
        properties.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
        ParallelConsumerOptions<String, String> options = ParallelConsumerOptions.<String, String>builder()
                .consumer(new KafkaConsumer<>(properties))
                .ordering(ordering)
                .maxConcurrency(run.load().concurrency())
                .build();
        ParallelStreamProcessor<String, String> processor = ParallelStreamProcessor.createEosStreamProcessor(options);
        processor.subscribe(List.of(run.topic()));
        processor.poll(context -> probe.handle(context.getSingleConsumerRecord()));
        return probe;
    }
}
