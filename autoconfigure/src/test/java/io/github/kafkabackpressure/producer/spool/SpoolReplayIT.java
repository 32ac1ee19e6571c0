package io.github.kafkabackpressure.producer.spool;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.producer.TopicReader;
import io.github.kafkabackpressure.test.BrokerProcess;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.security.plain.PlainLoginModule;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;

/** How a replay tells what is missing, away or closed to it from one another: by what a real broker answers. */
@Timeout(120)
class SpoolReplayIT {

    private static BrokerProcess broker;

    @TempDir
    Path directory;

    private final String topic = "topic-" + System.nanoTime();
    private final List<byte[]> encoded = new ArrayList<>();
    private Path file;

    @BeforeAll
    static void startBroker() {
        broker = BrokerProcess.start("512m", Map.of("auto.create.topics.enable", "false"));
    }

    @AfterAll
    static void stopBroker() {
        broker.close();
    }

    @BeforeEach
    void createTopicAndDirectory() throws Exception {
        file = Files.createDirectories(directory.resolve("template")).resolve("000000000000000001.spool");
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", broker.bootstrapServers()))) {
            admin.createTopics(List.of(new NewTopic(topic, Optional.of(1), Optional.empty())))
                    .all()
                    .get();
        }
    }

    @AfterEach
    void thaw() {
        broker.resume();
    }

    @Test
    void topicsAndPartitionsThatAreMissingAreGivenUpAndTheOthersAreSentOnce() throws IOException {
        add(topic, null, "0");
        add("missing", null, "lost");
        add(topic, null, "1");
        add(topic, 7, "lost");
        add("missing", null, "lost");
        add(topic, null, "2");
        SpoolFiles.write(file, encoded);

        assertThat(spool().replay(() -> true)).isTrue();

        assertThat(TopicReader.values(broker.bootstrapServers(), topic)).containsExactly("0", "1", "2");
        assertThat(files()).singleElement().asString().contains(".spool.damaged-");
    }

    @Test
    void aClusterThatIsAwayForLongerThanAnyTimeoutGetsAllOfItInOrderWhenItIsBack() throws IOException {
        for (int i = 0; i < 100; i++) {
            add(topic, i % 2 == 0 ? null : 0, String.valueOf(i));
        }
        SpoolFiles.write(file, encoded);
        broker.freeze();

        CompletableFuture<Boolean> replay = CompletableFuture.supplyAsync(() -> spool().replay(() -> true));
        Awaitility.await().during(Duration.ofSeconds(5)).until(() -> !replay.isDone());
        broker.resume();

        assertThat(replay).succeedsWithin(Duration.ofSeconds(60)).isEqualTo(true);
        assertThat(TopicReader.values(broker.bootstrapServers(), topic))
                .isEqualTo(Stream.iterate(0, i -> i + 1)
                        .limit(100)
                        .map(String::valueOf)
                        .toList());
        assertThat(files()).isEmpty();
    }

    @Test
    void aClusterThatRefusesTheLoginAtFirstGetsAllOfItInOrder() throws IOException {
        add(topic, null, "0");
        add(topic, null, "1");
        SpoolFiles.write(file, encoded);
        AtomicInteger opened = new AtomicInteger();
        DefaultKafkaProducerFactory<String, String> factory = factory();
        Spool<String, String> spool = new Spool<>(directory, 1 << 20, "template", factory, () -> {
            Map<String, Object> config = ReplayProducers.config("template", factory.getConfigurationProperties());
            if (opened.incrementAndGet() < 3) {
                // Which the broker's listener does not speak.
                config.put("security.protocol", "SASL_PLAINTEXT");
                config.put("sasl.mechanism", "PLAIN");
                config.put("sasl.jaas.config", PlainLoginModule.class.getName() + " required username=a password=b;");
            }
            return new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer());
        });

        assertThat(spool.replay(() -> true)).isTrue();

        assertThat(opened).hasValue(3);
        assertThat(TopicReader.values(broker.bootstrapServers(), topic)).containsExactly("0", "1");
        assertThat(files()).isEmpty();
    }

    private Spool<String, String> spool() {
        return new Spool<>(directory, 1 << 20, "template", factory());
    }

    private static DefaultKafkaProducerFactory<String, String> factory() {
        return new DefaultKafkaProducerFactory<>(
                Map.of(
                        ProducerConfig.BOOTSTRAP_SERVERS_CONFIG,
                        broker.bootstrapServers(),
                        ProducerConfig.MAX_BLOCK_MS_CONFIG,
                        2_000),
                new StringSerializer(),
                new StringSerializer());
    }

    private void add(String to, @Nullable Integer partition, String value) throws IOException {
        encoded.add(
                RecordBytes.encode(new ProducerRecord<>(to, partition, null, value.getBytes(StandardCharsets.UTF_8))));
    }

    private List<Path> files() throws IOException {
        try (Stream<Path> files = Files.list(file.getParent())) {
            return files.filter(path -> !path.endsWith(".lock")).toList();
        }
    }
}
