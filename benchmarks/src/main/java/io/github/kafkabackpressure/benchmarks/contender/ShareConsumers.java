package io.github.kafkabackpressure.benchmarks.contender;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;
import org.apache.kafka.common.config.ConfigResource;

/**
 * Kafka's own queues (KIP-932): consumers of a share group, acknowledging implicitly. Each handles its records one by
 * one, so for a handler that waits there are as many consumers as records may be handled at once, up to {@link #MOST}.
 */
final class ShareConsumers {

    /** The most consumers of a run; more were not tried. */
    private static final int MOST = 100;

    /** Records that a consumer acquires at once when each of them takes its time. */
    private static final int FEW = 20;

    private ShareConsumers() {}

    static Probe start(Run run) throws Exception {
        readFromTheBeginning(run);
        Probe probe = Probe.of(run);
        int consumers =
                run.load().handlerMicros() == 0 ? 1 : Math.min(run.load().concurrency(), MOST);
        for (int i = 0; i < consumers; i++) {
            Workers.daemon("share-consumer-" + i, () -> consume(run, probe));
        }
        return probe;
    }

    /** A share group's start is a setting of the group, not of its consumers. */
    private static void readFromTheBeginning(Run run) throws Exception {
        try (Admin admin = Admin.create(Map.of(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, run.bootstrapServers()))) {
            ConfigResource group = new ConfigResource(ConfigResource.Type.GROUP, run.group());
            AlterConfigOp earliest =
                    new AlterConfigOp(new ConfigEntry("share.auto.offset.reset", "earliest"), AlterConfigOp.OpType.SET);
            admin.incrementalAlterConfigs(Map.of(group, List.of(earliest)))
                    .all()
                    .get(30, TimeUnit.SECONDS);
        }
    }

    private static void consume(Run run, Probe probe) {
        Map<String, Object> properties = run.consumerProperties();
        properties.remove(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG);
        properties.remove(ConsumerConfig.INTERCEPTOR_CLASSES_CONFIG);
        if (run.load().handlerMicros() > 0) {
            // By default a consumer acquires whole batches, and a few hold all the records while the others starve.
            properties.put(ConsumerConfig.SHARE_ACQUIRE_MODE_CONFIG, "record_limit");
            properties.put(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, FEW);
        }
        try (KafkaShareConsumer<String, String> consumer = new KafkaShareConsumer<>(properties)) {
            consumer.subscribe(List.of(run.topic()));
            while (!Thread.currentThread().isInterrupted()) {
                ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(100));
                PolledRecords.add(records.count());
                for (ConsumerRecord<String, String> record : records) {
                    probe.handle(record);
                }
            }
        }
    }
}
