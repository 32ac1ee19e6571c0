package io.github.kafkabackpressure.producer.spool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.stream.Stream;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is on the disk after a write, also where there is no room for it. */
class SpoolWriterTests {

    @TempDir
    Path directory;

    private Path unfinished;
    private Path file;
    private byte[] record;

    @BeforeEach
    void encode() throws IOException {
        unfinished = directory.resolve("000000000000000001.spool.unfinished");
        file = directory.resolve("000000000000000001.spool");
        record = RecordBytes.encode(new ProducerRecord<>("topic", new byte[100]));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 19, 20, 60, 100})
    void onAFullDiskWhatFitsIsKept(int behindTheThird) throws IOException {
        long room = SpoolFormat.HEADER_BYTES + 3 * SpoolWriter.sizeOf(record) + behindTheThird;
        int kept;
        try (SpoolWriter writer = new SpoolWriter(unfinished, new FullDisk(OwnerOnly.create(unfinished), room))) {
            for (int i = 0; i < 3; i++) {
                assertThat(writer.append(record)).isTrue();
            }
            assertThat(writer.append(record)).isFalse();
            kept = writer.finish(file, () -> true);
            assertThat(writer.failure()).hasMessage("No space left on device");
        }

        assertThat(kept).isEqualTo(behindTheThird < SpoolFormat.FRAME_BYTES ? 2 : 3);
        assertThat(SpoolFiles.read(file).damage()).isNull();
        assertThat(SpoolFiles.read(file).records()).hasSize(kept);
        assertThat(files()).containsExactly(file);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 10, 30})
    void onADiskWithoutAnyRoomNothingIsLeft(int room) throws IOException {
        assertThatThrownBy(() -> {
                    try (SpoolWriter writer =
                            new SpoolWriter(unfinished, new FullDisk(OwnerOnly.create(unfinished), room))) {
                        writer.append(record);
                        writer.finish(file, () -> true);
                    }
                })
                .hasMessage("No space left on device");

        assertThat(files()).isEmpty();
    }

    @Test
    void whatIsTooLateLeavesNothing() throws IOException {
        try (SpoolWriter writer = new SpoolWriter(unfinished, OwnerOnly.create(unfinished))) {
            writer.append(record);
            assertThat(writer.finish(file, () -> false)).isZero();
        }

        assertThat(files()).isEmpty();
    }

    @Test
    void aFileThatIsThereIsNeverReplaced() throws IOException {
        Files.writeString(file, "somebody's");

        assertThatThrownBy(() -> SpoolFiles.write(file, java.util.List.of(record)))
                .isInstanceOf(IOException.class);

        assertThat(file).hasContent("somebody's");
        assertThat(files()).containsExactly(file);
    }

    @Test
    void onlyTheOwnerMayReadIt() throws IOException {
        SpoolFiles.write(file, java.util.List.of(record));

        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                .isEqualTo("rw-------");
    }

    private Stream<Path> files() throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.toList().stream();
        }
    }
}
