package io.github.kafkabackpressure.producer.spool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.kafkabackpressure.InvalidBackpressurePropertyException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerInterceptor;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.clients.producer.RoundRobinPartitioner;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.core.ProducerFactory;
import org.springframework.kafka.support.serializer.JsonSerializer;

/** What a shutdown keeps, and what the next start sends of it. */
@ExtendWith(OutputCaptureExtension.class)
class SpoolTests {

    @TempDir
    Path directory;

    private final MockProducer<byte[], byte[]> kafka =
            new MockProducer<>(true, null, new ByteArraySerializer(), new ByteArraySerializer());

    @Test
    void aRecordThatKafkaHasSerializedIsKeptWithItsHeadersAsTheyAre() {
        ProducerRecord<String, Object> record = record();
        serializeAsKafkaDoes(new Signing(), record);

        assertThat(keptAndReplayed(new Signing(), record)).isEqualTo(record.headers());
    }

    @Test
    void aRecordThatKafkaHasNotSerializedIsKeptWithTheHeadersOfItsSerializer() {
        ProducerRecord<String, Object> record = record();

        assertThat(keptAndReplayed(new Signing(), record))
                .isEqualTo(record().headers().add("signed-by", bytes("Signing")));
        assertThat(record.headers()).isEqualTo(record().headers());
    }

    @Test
    @SuppressWarnings("removal")
    void theTypeHeadersOfJsonAreKeptOnce() {
        ProducerRecord<String, Object> record = record();
        serializeAsKafkaDoes(new JsonSerializer<>(), record);

        assertThat(record.headers()).hasSize(2);
        assertThat(keptAndReplayed(new JsonSerializer<>(), record)).isEqualTo(record.headers());
    }

    @Test
    void whatInterceptorsReturnIsKeptAndTheyDoNotSeeItAgain(CapturedOutput output) {
        ProducerRecord<String, Object> record = new ProducerRecord<>("topic", "card=4111");
        Undelivered<String, Object> handedOver = handedOver(record);
        // As Kafka's producer does before it waits for the topic's metadata, in vain.
        new Masking().onSend(record);
        Map<String, Object> config = Map.of(
                ProducerConfig.INTERCEPTOR_CLASSES_CONFIG,
                List.of(Failing.class, Masking.class),
                ProducerConfig.BOOTSTRAP_SERVERS_CONFIG,
                "localhost:1");

        keepAndReplay(config, new Signing(), handedOver, () -> new ProducerRecord<>("topic", "card=4222"));

        assertThat(sent()).containsExactly("card=****", "card=****");
        assertThat(kafka.history())
                .allSatisfy(sent ->
                        assertThat(sent.headers()).extracting(Header::key).containsExactly("masked", "signed-by"));
        assertThat(ReplayProducers.config("template", config))
                .doesNotContainKey(ProducerConfig.INTERCEPTOR_CLASSES_CONFIG);
        assertThat(output).doesNotContain("4111").doesNotContain("4222");
    }

    @Test
    void oneSerializerMayBeGivenByPropertyAndTheOtherAsAnInstance() {
        keepAndReplay(
                Map.of(ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG, Signing.class.getName()),
                null,
                () -> new ProducerRecord<>("topic", "value"));

        assertThat(sent()).containsExactly("value");
    }

    @Test
    void aRecordThatCannotBeSerializedTakesNoOtherWithItAndIsNotLogged(CapturedOutput output) {
        keepAndReplay(
                Map.of(),
                new Signing(),
                () -> new ProducerRecord<>("topic", "secret poison"),
                () -> new ProducerRecord<>("topic", "value"));

        assertThat(sent()).containsExactly("value");
        assertThat(output).contains("java.lang.IllegalStateException=1").doesNotContain("secret");
    }

    @Test
    void aSerializerThatLeavesAnInterruptCostsNoRecord() {
        keepAndReplay(
                Map.of(),
                new Signing(),
                () -> new ProducerRecord<>("topic", "interrupt"),
                () -> new ProducerRecord<>("topic", "value"));

        assertThat(sent()).containsExactly("interrupt", "value");
    }

    @Test
    void aFactoryForWhichNothingCouldBeKeptStopsTheStart() {
        Map<String, Object> servers = Map.of(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, "localhost:1");
        List<ProducerFactory<String, String>> impossible = List.of(
                () -> null, // says no configuration
                new DefaultKafkaProducerFactory<>(servers),
                new DefaultKafkaProducerFactory<>(
                        Map.of(
                                ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, "localhost:1",
                                ProducerConfig.INTERCEPTOR_CLASSES_CONFIG, "no.such.Class"),
                        new StringSerializer(),
                        new StringSerializer()));

        assertThat(impossible)
                .allSatisfy(factory -> assertThatThrownBy(() -> new Spool<>(directory, 1 << 20, "template", factory))
                        .isInstanceOf(InvalidBackpressurePropertyException.class)
                        .hasMessageContaining("kafka.backpressure.producer.spool-directory"));
        assertThat(new Spool<>(
                        directory,
                        1 << 20,
                        "template",
                        new DefaultKafkaProducerFactory<>(servers, new StringSerializer(), new StringSerializer())))
                .isNotNull();
    }

    @Test
    void theReplayUsesNoPartitionerOfTheUsersAndTheFactorysPostProcessors() {
        Map<String, Object> config = Map.of(
                ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, "localhost:1",
                ProducerConfig.PARTITIONER_CLASS_CONFIG, "of.the.User");
        DefaultKafkaProducerFactory<String, String> factory =
                new DefaultKafkaProducerFactory<>(config, new StringSerializer(), new StringSerializer());
        MockProducer<String, String> processed = new MockProducer<>();
        factory.addPostProcessor(producer -> {
            producer.close(Duration.ZERO);
            return processed;
        });

        assertThat(new ReplayProducers<>("template", factory).get()).isSameAs(processed);
        assertThat(ReplayProducers.config("template", config))
                .doesNotContainKey(ProducerConfig.PARTITIONER_CLASS_CONFIG);
        assertThat(ReplayProducers.config(
                        "template", Map.of(ProducerConfig.PARTITIONER_CLASS_CONFIG, RoundRobinPartitioner.class)))
                .containsEntry(ProducerConfig.PARTITIONER_CLASS_CONFIG, RoundRobinPartitioner.class);
    }

    @Test
    void noTwoTemplatesShareADirectory() {
        List<String> names = List.of(
                "backpressuredKafkaTemplate",
                "a.b",
                "a_b",
                "a%2eb",
                "a/b",
                "../a",
                "",
                ".",
                "..",
                "con",
                "Nul",
                "com1",
                "\u00e4",
                "x".repeat(300),
                "x".repeat(301),
                "a b",
                "a\nb");

        List<String> folders = names.stream().map(TemplateFolder::name).toList();

        assertThat(folders).doesNotHaveDuplicates().allMatch(name -> name.matches("[A-Za-z0-9_%-]{1,200}"));
        assertThat(folders).startsWith("backpressuredKafkaTemplate").doesNotContain("con", "Nul", "com1");
    }

    @SafeVarargs
    private void keepAndReplay(
            Map<String, Object> config, @Nullable Serializer<Object> values, Undelivered<String, Object>... sends) {
        Spool<String, Object> spool = new Spool<>(
                directory,
                1 << 20,
                "template",
                new DefaultKafkaProducerFactory<>(config, new StringSerializer(), values),
                () -> kafka);
        spool.keep(List.of(sends), () -> true);
        assertThat(spool.replay(() -> true)).isTrue();
    }

    private static Undelivered<String, Object> handedOver(ProducerRecord<String, Object> record) {
        Header[] before = record.headers().toArray();
        return new Undelivered<>() {
            @Override
            public ProducerRecord<String, Object> record() {
                return record;
            }

            @Override
            public Header[] headersBefore() {
                return before;
            }
        };
    }

    private List<String> sent() {
        return kafka.history().stream()
                .map(record -> new String(record.value(), StandardCharsets.UTF_8))
                .toList();
    }

    /** The headers with which the next start sends the record. */
    private Headers keptAndReplayed(Serializer<Object> values, ProducerRecord<String, Object> record) {
        Spool<String, Object> spool = new Spool<>(
                directory,
                1 << 20,
                "template",
                new DefaultKafkaProducerFactory<>(Map.of(), new StringSerializer(), values),
                () -> kafka);
        Undelivered<String, Object> send = () -> record;

        assertThat(spool.keep(List.of(send), () -> true)).containsExactly(send);
        assertThat(spool.replay(() -> true)).isTrue();

        assertThat(kafka.history()).hasSize(1);
        return kafka.history().get(0).headers();
    }

    private static ProducerRecord<String, Object> record() {
        ProducerRecord<String, Object> record = new ProducerRecord<>("topic", "value");
        record.headers().add("own", bytes("header"));
        return record;
    }

    private static void serializeAsKafkaDoes(Serializer<Object> values, ProducerRecord<String, Object> record) {
        values.serialize(record.topic(), record.headers(), record.value());
        ((RecordHeaders) record.headers()).setReadOnly();
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** Adds a header whether there is one already or not. */
    public static final class Signing implements Serializer<Object> {

        @Override
        public byte[] serialize(String topic, Object value) {
            throw new AssertionError("asked without headers");
        }

        @Override
        public byte[] serialize(String topic, Headers headers, Object value) {
            if (value.equals("interrupt")) {
                Thread.currentThread().interrupt();
            } else if (value.toString().contains("poison")) {
                throw new IllegalStateException("cannot serialize " + value);
            }
            headers.add("signed-by", bytes("Signing"));
            return bytes(value.toString());
        }
    }

    /** Adds a header to the record that it is given, and returns another one. */
    public static final class Masking implements ProducerInterceptor<String, Object> {

        @Override
        public ProducerRecord<String, Object> onSend(ProducerRecord<String, Object> record) {
            record.headers().add("masked", bytes("yes"));
            return new ProducerRecord<>(
                    record.topic(),
                    record.partition(),
                    record.timestamp(),
                    record.key(),
                    record.value().toString().replaceAll("card=\\d+", "card=****"),
                    record.headers());
        }

        @Override
        public void onAcknowledgement(RecordMetadata metadata, Exception exception) {}

        @Override
        public void close() {}

        @Override
        public void configure(Map<String, ?> configs) {}
    }

    /** Kafka passes it over. */
    public static final class Failing implements ProducerInterceptor<String, Object> {

        @Override
        public ProducerRecord<String, Object> onSend(ProducerRecord<String, Object> record) {
            throw new IllegalStateException("failed for " + record);
        }

        @Override
        public void onAcknowledgement(RecordMetadata metadata, Exception exception) {}

        @Override
        public void close() {}

        @Override
        public void configure(Map<String, ?> configs) {}
    }
}
