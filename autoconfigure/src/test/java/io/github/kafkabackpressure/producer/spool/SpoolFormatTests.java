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

/** What is read of a file that was written, damaged, cut off, or made up. */
class SpoolFormatTests {

    @TempDir
    Path directory;

    @Test
    void whatWasWrittenIsReadWithEveryPartOfTheRecord() throws IOException {
        ProducerRecord<byte[], byte[]> full = new ProducerRecord<>("a", 3, 77L, bytes("key"), bytes("value"));
        full.headers().add("h", bytes("1")).add("h", null);
        ProducerRecord<byte[], byte[]> bare = new ProducerRecord<>("b", null);

        SpoolFiles.Contents contents = SpoolFiles.read(write(full, bare));

        assertThat(contents.damage()).isNull();
        assertThat(contents.records())
                .usingRecursiveFieldByFieldElementComparator()
                .containsExactly(full, bare);
    }

    @Test
    void keysOfHeadersMayBeOfAnyLength() throws IOException {
        ProducerRecord<byte[], byte[]> record = record("value");
        record.headers().add("\u00e4".repeat(70_000), bytes("1"));

        assertThat(SpoolFiles.read(write(record)).records())
                .usingRecursiveFieldByFieldElementComparator()
                .containsExactly(record);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 20, 21, 60})
    void aFileThatWasCutOffGivesWhatIsWholeAndSaysSo(int cut) throws IOException {
        Path file = write(record("0"), record("1"), record("2"));
        byte[] whole = Files.readAllBytes(file);
        Files.write(file, Arrays.copyOf(whole, whole.length - cut));

        SpoolFiles.Contents contents = SpoolFiles.read(file);

        assertThat(contents.damage()).contains("no end mark");
        assertThat(contents.records())
                .usingRecursiveFieldByFieldElementComparator()
                .isEqualTo(List.of(record("0"), record("1"), record("2")).subList(0, cut <= 20 ? 3 : 2));
    }

    @Test
    void aFlippedBitCostsTheRecordThatItIsInAndIsNoticedWhereverItIs() throws IOException {
        List<ProducerRecord<byte[], byte[]>> written = List.of(record("0"), record("1"), record("2"));
        Path file = write(record("0"), record("1"), record("2"));
        byte[] whole = Files.readAllBytes(file);
        int frame = SpoolFormat.FRAME_BYTES + RecordBytes.encode(record("0")).length;
        for (int i = 0; i < whole.length; i++) {
            byte[] damaged = whole.clone();
            damaged[i] ^= 0x10;
            Files.write(file, damaged);
            int lost = i < SpoolFormat.HEADER_BYTES ? -1 : (i - SpoolFormat.HEADER_BYTES) / frame;
            List<ProducerRecord<byte[], byte[]>> left = new ArrayList<>(written);
            if (lost >= 0 && lost < 3) {
                left.remove(lost);
            }

            SpoolFiles.Contents contents = SpoolFiles.read(file);

            assertThat(contents.damage()).as("byte " + i).isNotNull();
            assertThat(contents.records())
                    .as("byte " + i)
                    .usingRecursiveFieldByFieldElementComparator()
                    .isEqualTo(left);
        }
    }

    @Test
    void aPayloadThatIsASpoolFileIsAPayloadAlsoWhenTheFileIsDamaged() throws IOException {
        byte[] inner = Files.readAllBytes(write(record("inner")));
        Files.delete(file());
        Path file = write(new ProducerRecord<>("topic", inner), record("1"));
        byte[] damaged = Files.readAllBytes(file);
        damaged[SpoolFormat.HEADER_BYTES + Long.BYTES] ^= 1; // the length of the first
        Files.write(file, damaged);

        assertThat(SpoolFiles.read(file).records())
                .usingRecursiveFieldByFieldElementComparator()
                .containsExactly(record("1"));
    }

    @Test
    void whatIsNoRecordAlthoughItsChecksumIsRightCostsNoOther() throws IOException {
        Path file = file();
        byte[] hugeHeader = RecordBytes.encode(record("0"));
        hugeHeader[0] = 0x7f; // the length of the topic
        byte[] noTopic = new byte[] {-1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
        SpoolFiles.write(file, List.of(hugeHeader, noTopic, new byte[0], RecordBytes.encode(record("1"))));

        SpoolFiles.Contents contents = SpoolFiles.read(file);

        assertThat(contents.damage()).contains("in 3 places");
        assertThat(contents.records())
                .usingRecursiveFieldByFieldElementComparator()
                .containsExactly(record("1"));
    }

    @Test
    void aForeignFileIsNotReadAsOne() throws IOException {
        Path file = Files.writeString(directory.resolve("x.spool"), "nothing that we wrote");
        assertThat(SpoolFiles.read(file).records()).isEmpty();
        assertThat(SpoolFiles.read(file).damage()).contains("not a spool file");
        assertThat(SpoolFiles.read(Files.writeString(file, "")).damage()).isNotNull();
    }

    @SafeVarargs
    private final Path write(ProducerRecord<byte[], byte[]>... records) throws IOException {
        List<byte[]> encoded = new ArrayList<>();
        for (ProducerRecord<byte[], byte[]> record : records) {
            encoded.add(RecordBytes.encode(record));
        }
        SpoolFiles.write(file(), encoded);
        return file();
    }

    private Path file() {
        return directory.resolve("000000000000000001.spool");
    }

    private static ProducerRecord<byte[], byte[]> record(String value) {
        return new ProducerRecord<>("topic", 0, 1L, null, bytes(value));
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
