package io.github.kafkabackpressure.producer.spool;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SpoolFileTests {

    @TempDir
    Path directory;

    @Test
    void whatWasWrittenIsReadWithEveryPartOfTheRecord() throws IOException {
        ProducerRecord<byte[], byte[]> full = new ProducerRecord<>("a", 3, 77L, bytes("key"), bytes("value"));
        full.headers().add("h", bytes("1")).add("h", null);
        ProducerRecord<byte[], byte[]> bare = new ProducerRecord<>("b", null);

        SpoolFile.Contents contents = SpoolFile.read(write(full, bare));

        assertThat(contents.damage()).isNull();
        assertThat(contents.records())
                .usingRecursiveFieldByFieldElementComparator()
                .containsExactly(full, bare);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 5, 12, 30})
    void aFileThatWasCutOffGivesWhatIsWholeAndSaysSo(int cut) throws IOException {
        Path file = write(record("0"), record("1"), record("2"));
        byte[] whole = Files.readAllBytes(file);
        Files.write(file, Arrays.copyOf(whole, whole.length - cut));

        SpoolFile.Contents contents = SpoolFile.read(file);

        assertThat(contents.damage()).isNotNull();
        assertThat(contents.records())
                .usingRecursiveFieldByFieldElementComparator()
                .isEqualTo(List.of(record("0"), record("1"), record("2"))
                        .subList(0, contents.records().size()));
        assertThat(contents.records()).hasSizeLessThanOrEqualTo(cut <= 4 ? 3 : 2);
    }

    @Test
    void everyBitThatChangesIsNoticed() throws IOException {
        Path file = write(record("0"), record("1"));
        byte[] whole = Files.readAllBytes(file);
        for (int i = 0; i < whole.length; i++) {
            byte[] damaged = whole.clone();
            damaged[i] ^= 0x10;
            Files.write(file, damaged);
            SpoolFile.Contents contents = SpoolFile.read(file);
            assertThat(contents.damage()).as("byte " + i).isNotNull();
            assertThat(contents.records()).as("byte " + i).hasSizeLessThanOrEqualTo(2);
        }
    }

    @Test
    void aForeignFileIsNotReadAsOne() throws IOException {
        Path file = Files.writeString(directory.resolve("x.spool"), "nothing that we wrote");
        assertThat(SpoolFile.read(file).records()).isEmpty();
        assertThat(SpoolFile.read(file).damage()).contains("not a spool file");
        assertThat(SpoolFile.read(Files.writeString(file, "")).damage()).isNotNull();
    }

    @SafeVarargs
    private final Path write(ProducerRecord<byte[], byte[]>... records) throws IOException {
        List<byte[]> encoded = new ArrayList<>();
        for (ProducerRecord<byte[], byte[]> record : records) {
            encoded.add(SpoolFile.encode(record));
        }
        Path file = directory.resolve("000000000000000001.spool");
        SpoolFile.write(file, encoded);
        return file;
    }

    private static ProducerRecord<byte[], byte[]> record(String value) {
        return new ProducerRecord<>("topic", 0, 1L, null, bytes(value));
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
