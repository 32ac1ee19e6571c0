package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.DropReason;
import io.github.kafkabackpressure.DroppedRecordHeaders;
import io.github.kafkabackpressure.test.TestApp;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.beans.factory.config.BeanPostProcessor;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.support.GenericApplicationContext;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;

/**
 * Each overflow in each order that it is legal in, in an application that is killed in the middle and started again: every
 * record was handled, or dropped with a count, or is in {@code dropped-to}, and no committed offset is past one of which none
 * is true.
 */
@Tag("long")
@EmbeddedKafka(partitions = 1, brokerProperties = "offsets.topic.num.partitions=1")
class DropThenKillIT {

    private static final int RECORDS = 250;

    private static final String DROPPED = "kill-dropped";

    private final String brokers;

    DropThenKillIT(EmbeddedKafkaBroker broker) {
        this.brokers = broker.getBrokersAsString();
    }

    private static List<String> listeners(String prefix) {
        List<String> ids = new ArrayList<>();
        for (String overflow :
                List.of("drop-newest", "drop-oldest", "drop-random", "drop-lowest-priority", "conflate")) {
            for (String ordering : List.of("partition", "key", "unordered")) {
                if (!overflow.equals("conflate") || !ordering.equals("unordered")) {
                    ids.add(prefix + overflow + "_" + ordering);
                }
            }
        }
        return ids;
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void nothingIsCommittedThatWasNeitherHandledNorDropped(boolean sendsDropped, @TempDir Path folder)
            throws Exception {
        Path handled = Files.createFile(folder.resolve("handled"));
        Path counted = Files.createFile(folder.resolve("counted"));
        String prefix = sendsDropped ? "sent_" : "counted_";
        List<String> ids = listeners(prefix);
        List<NewTopic> topics =
                ids.stream().map(id -> new NewTopic(id, 1, (short) 1)).collect(Collectors.toCollection(ArrayList::new));
        if (sendsDropped) {
            topics.add(new NewTopic(DROPPED, 1, (short) 1));
        }
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", brokers))) {
            admin.createTopics(topics).all().get();
            Process first = start(prefix, folder, "first.log");
            AtomicBoolean sending = new AtomicBoolean(true);
            Thread sender = new Thread(() -> send(ids, sending));
            sender.start();
            try {
                await().atMost(Duration.ofSeconds(90)).until(() -> {
                    assertThat(first.isAlive()).isTrue();
                    return (sendsDropped ? dropped(30).size() : lines(counted).size()) > 500;
                });
                first.destroyForcibly().waitFor(20, TimeUnit.SECONDS);
                assertNothingIsCommittedThatIsNotDone(admin, ids, handled, counted, sendsDropped);
                sender.join(60_000);
            } finally {
                sending.set(false);
                first.destroyForcibly();
            }
            Process second = start(prefix, folder, "second.log");
            try {
                await().atMost(Duration.ofSeconds(120)).until(() -> {
                    assertThat(second.isAlive()).isTrue();
                    for (String id : ids) {
                        if (committed(admin, id) < RECORDS) {
                            return false;
                        }
                    }
                    return true;
                });
                assertNothingIsCommittedThatIsNotDone(admin, ids, handled, counted, sendsDropped);
            } finally {
                second.destroyForcibly().waitFor(20, TimeUnit.SECONDS);
            }
        }
    }

    private void assertNothingIsCommittedThatIsNotDone(
            Admin admin, List<String> ids, Path handled, Path counted, boolean sendsDropped) throws Exception {
        Map<String, Long> committed = new HashMap<>();
        for (String id : ids) {
            committed.put(id, committed(admin, id));
        }
        Set<String> done = new HashSet<>(lines(handled));
        if (sendsDropped) {
            done.addAll(dropped(1000));
        }
        // Of what was dropped without a trace there are counts only.
        Map<String, Long> counts = sendsDropped
                ? Map.of()
                : lines(counted).stream().collect(Collectors.groupingBy(id -> id, Collectors.counting()));
        committed.forEach((id, offset) -> {
            List<Long> missing = LongStream.range(0, offset)
                    .filter(at -> !done.contains(id + "@" + at))
                    .boxed()
                    .toList();
            assertThat((long) missing.size())
                    .as("committed %s of %s, of which neither handled nor sent were %s", offset, id, missing)
                    .isLessThanOrEqualTo(counts.getOrDefault(id, 0L));
        });
    }

    private static List<String> lines(Path file) throws IOException {
        String text = Files.readString(file);
        return text.substring(0, text.lastIndexOf('\n') + 1).lines().toList(); // the last one may be cut off
    }

    private static long committed(Admin admin, String id) throws Exception {
        var offset = admin.listConsumerGroupOffsets(id)
                .partitionsToOffsetAndMetadata()
                .get()
                .get(new TopicPartition(id, 0));
        return offset == null ? 0 : offset.offset();
    }

    private void send(List<String> ids, AtomicBoolean sending) {
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(
                Map.of("bootstrap.servers", brokers), new StringSerializer(), new StringSerializer())) {
            for (int value = 0; value < RECORDS && sending.get(); value++) {
                for (String id : ids) {
                    producer.send(new ProducerRecord<>(id, "k" + value % 30, String.valueOf(value % 10)));
                }
                if (value % 20 == 0) {
                    producer.flush();
                }
            }
        }
    }

    /** {@code topic@offset} of what has been dropped, as far as it is there within a time. */
    private Set<String> dropped(int patienceMillis) {
        Set<String> dropped = new HashSet<>();
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(
                Map.of("bootstrap.servers", brokers), new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            TopicPartition partition = new TopicPartition(DROPPED, 0);
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            long end = consumer.endOffsets(List.of(partition)).get(partition);
            while (consumer.position(partition) < end) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(patienceMillis))) {
                    dropped.add(header(record, DroppedRecordHeaders.ORIGINAL_TOPIC) + "@"
                            + header(record, DroppedRecordHeaders.ORIGINAL_OFFSET));
                }
            }
        }
        return dropped;
    }

    private static String header(ConsumerRecord<?, ?> record, String name) {
        return new String(record.headers().lastHeader(name).value(), StandardCharsets.UTF_8);
    }

    private Process start(String prefix, Path folder, String log) throws IOException {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx300m",
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        App.class.getName(),
                        brokers,
                        prefix,
                        folder.toString())
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve(log).toFile())
                .start();
    }

    /** The application that is killed: a listener for each case, all too slow. */
    static final class App {

        private App() {}

        public static void main(String[] arguments) {
            List<String> properties = new ArrayList<>(List.of(
                    "kafka.backpressure.listener.max-in-flight=20",
                    "kafka.backpressure.listener.max-concurrency=2",
                    "kafka.backpressure.listener.commit-interval=50ms",
                    "kafka.backpressure.listener.priority=T(Integer).parseInt(value)"));
            String prefix = arguments[1];
            if (prefix.startsWith("sent")) {
                properties.add("kafka.backpressure.listener.dropped-to=" + DROPPED);
            }
            for (String id : listeners(prefix)) {
                String[] parts = id.split("_");
                properties.add("kafka.backpressure.listeners." + id + ".overflow=" + parts[1]);
                properties.add("kafka.backpressure.listeners." + id + ".ordering=" + parts[2]);
            }
            Path folder = Path.of(arguments[2]);
            ConfigurableApplicationContext context = TestApp.start(
                    arguments[0],
                    beans -> register(beans, prefix, folder),
                    List.of(),
                    properties.toArray(String[]::new));
            context.registerShutdownHook();
        }

        private static void register(GenericApplicationContext beans, String prefix, Path folder) {
            for (String id : listeners(prefix)) {
                beans.registerBean(id, Slow.class, () -> new Slow(id, folder.resolve("handled")));
            }
            beans.registerBean(Counting.class, () -> new Counting(folder.resolve("counted")));
        }
    }

    /** Writes down the listener of each record that is counted as dropped, before anything can come of it. */
    static final class Counting implements BeanPostProcessor {

        private final Path counted;

        Counting(Path counted) {
            this.counted = counted;
        }

        @Override
        public Object postProcessAfterInitialization(Object bean, String name) {
            if (bean instanceof BackpressuredKafkaListenerContainerFactory<?, ?> factory) {
                factory.setMetrics(container -> new ListenerMetrics() {
                    @Override
                    public void dropped(String strategy, DropReason reason) {
                        append(counted, container.getListenerId());
                    }
                });
            }
            return bean;
        }
    }

    private static void append(Path file, String line) {
        synchronized (DropThenKillIT.class) {
            try {
                Files.writeString(file, line + "\n", StandardOpenOption.APPEND);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    /** Handles a record in 20 ms and writes that down. */
    static final class Slow {

        private final String id;

        private final Path handled;

        Slow(String id, Path handled) {
            this.id = id;
            this.handled = handled;
        }

        public String getId() {
            return id;
        }

        @BackpressuredListener(id = "#{__listener.id}", topics = "#{__listener.id}")
        void on(ConsumerRecord<String, String> record) throws Exception {
            Thread.sleep(20);
            append(handled, record.topic() + "@" + record.offset());
        }
    }
}
