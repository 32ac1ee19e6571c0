package io.github.kafkabackpressure.producer.spool;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.stream.Stream;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.Cluster;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.errors.NetworkException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.SaslAuthenticationException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.errors.TopicAuthorizationException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;

/** What the next start does with a file when some of its records cannot be sent, or none for a while. */
@Timeout(60)
@ExtendWith(OutputCaptureExtension.class)
class SpoolReplayTests {

    private static final Node NODE = new Node(0, "localhost", 9092);

    private static final Cluster CLUSTER = new Cluster(
            "cluster",
            List.of(NODE),
            Stream.of("a", "b")
                    .map(topic -> new PartitionInfo(topic, 0, NODE, new Node[] {NODE}, new Node[] {NODE}))
                    .toList(),
            Set.of(),
            Set.of());

    @TempDir
    Path directory;

    /** All that was handed to a producer, as topic and value. */
    private final List<String> tries = new ArrayList<>();

    private final List<String> acknowledged = new ArrayList<>();

    /** Opened in turn; the last one again and again. */
    private final List<Opener> openers = new ArrayList<>();

    private int opened;

    /** So that a replay that would go on for ever ends, and the test fails. */
    private BooleanSupplier mayGoOn = () -> tries.size() < 40 && opened < 40;

    private Path file;

    @BeforeEach
    void createTheDirectory() throws IOException {
        file = Files.createDirectories(directory.resolve("template")).resolve("000000000000000001.spool");
    }

    @Test
    void aRecordThatSendThrowsForIsRefusedAndTheOthersAreSent(CapturedOutput output) throws IOException {
        write("a 0", "a poison", "a 1");
        openers.add(producer(tried -> {
            if (tried.equals("a poison")) {
                throw new ClassCastException("said of a payload");
            }
            return null;
        }));

        assertThat(replay()).isTrue();

        assertThat(acknowledged).containsExactly("a 0", "a 1");
        assertThat(files()).singleElement().asString().contains(".spool.damaged-");
        assertThat(output).contains("java.lang.ClassCastException. 2 of its records were sent");
    }

    @Test
    void aFileThatIsSetAsideSaysHowManyOfItsRecordsWereAcknowledged(CapturedOutput output) throws IOException {
        write("a 0", "a 1", "a 2");
        openers.add(producer(tried -> tried.equals("a 0") ? null : new RecordTooLargeException("too large")));

        assertThat(replay()).isTrue();

        assertThat(output).contains("2 records were refused").contains("1 of its records were sent");
    }

    @Test
    void aProducerThatCannotBeOpenedIsOpenedLater() throws IOException {
        write("a 0", "a 1");
        openers.add(SpoolReplayTests::cannotOpen);
        openers.add(SpoolReplayTests::cannotOpen);
        openers.add(producer(tried -> null));

        assertThat(replay()).isTrue();

        assertThat(opened).isEqualTo(3);
        assertThat(acknowledged).containsExactly("a 0", "a 1");
        assertThat(files()).isEmpty();
    }

    @Test
    void nothingFollowsAFileThatIsLeftBecauseNoProducerCanBeOpened() throws IOException {
        write("a 0");
        openers.add(SpoolReplayTests::cannotOpen);
        mayGoOn = () -> opened < 2;

        assertThat(replay()).isFalse();

        assertThat(files()).containsExactly(file);
    }

    static Stream<RuntimeException> denials() {
        return Stream.of(
                new SaslAuthenticationException("wrong password"),
                new TopicAuthorizationException(Set.of("a")),
                new KafkaException("in an error state", new SaslAuthenticationException("wrong password")));
    }

    @ParameterizedTest
    @MethodSource("denials")
    void recordsThatTheClusterDoesNotLetInAreSentByAnotherProducer(RuntimeException denial) throws IOException {
        write("a 0", "a 1", "a 2");
        openers.add(producer(tried -> denial));
        openers.add(producer(tried -> denial));
        openers.add(producer(tried -> null));

        assertThat(replay()).isTrue();

        assertThat(tries).containsExactly("a 0", "a 0", "a 0", "a 1", "a 2");
        assertThat(acknowledged).containsExactly("a 0", "a 1", "a 2");
        assertThat(files()).isEmpty();
    }

    @Test
    void recordsThatTheClusterDoesNotLetInStayWhenTheReplayMustNotGoOn() throws IOException {
        write("a 0");
        openers.add(producer(tried -> new SaslAuthenticationException("wrong password")));
        mayGoOn = () -> tries.size() < 2;

        assertThat(replay()).isFalse();

        assertThat(files()).containsExactly(file);
    }

    @Test
    void aTopicThatIsMissingIsGivenUpAndTheOthersAreSentOnce() throws IOException {
        write("a 0", "missing 0", "a 1", "b 0", "missing 1", "b 1");
        openers.add(producer(tried -> tried.startsWith("missing")
                ? new TimeoutException("not present in metadata", new UnknownTopicOrPartitionException())
                : null));

        assertThat(replay()).isTrue();

        assertThat(tries).containsExactly("a 0", "missing 0", "a 1", "b 0", "b 1");
        assertThat(acknowledged).containsExactly("a 0", "a 1", "b 0", "b 1");
        assertThat(files()).singleElement().asString().contains(".spool.damaged-");
    }

    @Test
    void aPartitionThatIsMissingIsGivenUpAndTheOthersAreSentOnce() throws IOException {
        ProducerRecord<byte[], byte[]> missing = new ProducerRecord<>("a", 7, null, bytes("missing"));
        SpoolFiles.write(
                file,
                List.of(
                        RecordBytes.encode(record("a 0")),
                        RecordBytes.encode(missing),
                        RecordBytes.encode(missing),
                        RecordBytes.encode(record("a 1"))));
        openers.add(
                producer(tried -> tried.equals("a missing") ? new TimeoutException("not present in metadata") : null));

        assertThat(replay()).isTrue();

        assertThat(tries).containsExactly("a 0", "a missing", "a 1");
        assertThat(acknowledged).containsExactly("a 0", "a 1");
    }

    @Test
    void whatAClusterThatIsAwayDoesNotAnswerIsSentInOrderWhenItIsBack() throws IOException {
        write("a 0", "b 0", "a 1", "b 1");
        openers.add(producer(tried -> tries.size() < 4 ? new TimeoutException("not present in metadata") : null));

        assertThat(replay()).isTrue();

        assertThat(tries).containsExactly("a 0", "b 0", "a 0", "b 0", "a 0", "b 0", "a 1", "b 1");
        assertThat(files()).isEmpty();
    }

    @Test
    void whatWasAcknowledgedIsNotSentAgainForWhatWasNot() throws IOException {
        write("a 0", "b 0", "a 1", "b 1", "a 2");
        int[] left = {3};
        openers.add(producer(
                tried -> tried.equals("b 0") && left[0]-- > 0 ? new NetworkException("connection lost") : null));

        assertThat(replay()).isTrue();

        assertThat(acknowledged).containsExactly("a 0", "a 1", "a 2", "b 0", "b 1");
        assertThat(tries).containsExactly("a 0", "b 0", "a 1", "a 2", "b 0", "b 0", "b 0", "b 1");
        assertThat(files()).isEmpty();
    }

    @Test
    void kafkaItselfTriesAgainForAsLongAsTheReplayMayGoOn() {
        Map<String, Object> config = ReplayProducers.config(
                "template",
                Map.of(
                        ProducerConfig.TRANSACTIONAL_ID_CONFIG, "tx-0",
                        ProducerConfig.LINGER_MS_CONFIG, 3_600_000,
                        ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, 7_200_000,
                        ProducerConfig.RETRIES_CONFIG, 3));

        assertThat(config)
                .doesNotContainKey(ProducerConfig.TRANSACTIONAL_ID_CONFIG)
                .containsEntry(ProducerConfig.LINGER_MS_CONFIG, 0)
                .containsEntry(ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, Integer.MAX_VALUE)
                .containsEntry(ProducerConfig.RETRIES_CONFIG, Integer.MAX_VALUE);
        assertThat(ReplayProducers.config("template", Map.of(ProducerConfig.RETRIES_CONFIG, "0")))
                .containsEntry(ProducerConfig.RETRIES_CONFIG, "0");
    }

    private boolean replay() {
        return new Spool<>(
                        directory,
                        1 << 20,
                        "template",
                        new DefaultKafkaProducerFactory<>(Map.of(), new StringSerializer(), new StringSerializer()),
                        () -> openers.get(Math.min(opened++, openers.size() - 1))
                                .open())
                .replay(() -> mayGoOn.getAsBoolean());
    }

    private List<Path> files() throws IOException {
        try (Stream<Path> files = Files.list(file.getParent())) {
            return files.filter(path -> !path.endsWith(".lock")).toList();
        }
    }

    private void write(String... records) throws IOException {
        List<byte[]> encoded = new ArrayList<>();
        for (String record : records) {
            encoded.add(RecordBytes.encode(record(record)));
        }
        SpoolFiles.write(file, encoded);
    }

    private static ProducerRecord<byte[], byte[]> record(String topicAndValue) {
        String[] parts = topicAndValue.split(" ");
        return new ProducerRecord<>(parts[0], bytes(parts[1]));
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static Producer<byte[], byte[]> cannotOpen() {
        throw new KafkaException("Failed to construct kafka producer");
    }

    /** @param failures what a record fails with; null if it is acknowledged */
    private Opener producer(Function<String, @Nullable RuntimeException> failures) {
        return () -> new FailingProducer(failures);
    }

    private interface Opener {

        Producer<byte[], byte[]> open();
    }

    private final class FailingProducer extends MockProducer<byte[], byte[]> {

        private final Function<String, @Nullable RuntimeException> failures;

        FailingProducer(Function<String, @Nullable RuntimeException> failures) {
            super(CLUSTER, true, null, new ByteArraySerializer(), new ByteArraySerializer());
            this.failures = failures;
        }

        @Override
        public Future<RecordMetadata> send(ProducerRecord<byte[], byte[]> record) {
            String tried = record.topic() + " " + new String(record.value(), StandardCharsets.UTF_8);
            RuntimeException failure = null;
            try {
                failure = failures.apply(tried);
            } finally {
                tries.add(tried);
            }
            if (failure != null) {
                return CompletableFuture.failedFuture(failure);
            }
            acknowledged.add(tried);
            return super.send(record);
        }
    }
}
