package io.github.kafkabackpressure.producer.spool;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.support.serializer.JsonSerializer;

/** What a shutdown keeps. */
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

    /** The headers with which the next start sends the record. */
    private Headers keptAndReplayed(Serializer<Object> values, ProducerRecord<String, Object> record) {
        Spool<String, Object> spool = new Spool<>(
                directory,
                1 << 20,
                "template",
                new DefaultKafkaProducerFactory<>(Map.of(), new StringSerializer(), values),
                () -> kafka);
        Undelivered<String, Object> send = () -> record;

        assertThat(spool.keep(List.of(send))).containsExactly(send);
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
    private static final class Signing implements Serializer<Object> {

        @Override
        public byte[] serialize(String topic, Object value) {
            throw new AssertionError("asked without headers");
        }

        @Override
        public byte[] serialize(String topic, Headers headers, Object value) {
            headers.add("signed-by", bytes("Signing"));
            return bytes(value.toString());
        }
    }
}
