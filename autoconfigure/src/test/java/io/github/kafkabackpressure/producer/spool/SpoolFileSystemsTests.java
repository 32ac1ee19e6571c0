package io.github.kafkabackpressure.producer.spool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.common.jimfs.Configuration;
import com.google.common.jimfs.Jimfs;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystem;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the spool asks of a file system, and what it can do without. */
class SpoolFileSystemsTests {

    /** What has a name only in memory is gone after a power cut, and all that is in it. */
    @Test
    void theEntryOfEachNewDirectoryIsForced(@TempDir Path root) throws IOException {
        List<Path> forced = new ArrayList<>();
        Path deepest = root.resolve("a").resolve("b").resolve("c");

        OwnerOnly.createDirectories(deepest, parent -> {
            forced.add(parent);
            assertThat(parent).isDirectory();
        });

        assertThat(deepest).isDirectory();
        assertThat(forced)
                .containsExactly(root, root.resolve("a"), root.resolve("a").resolve("b"));
        forced.clear();
        OwnerOnly.createDirectories(deepest, forced::add);
        assertThat(forced).isEmpty();
    }

    /** Windows opens no directory, so none can be forced; and it has no POSIX permissions. */
    @Test
    void whatIsInItsPlaceStaysWhereNoDirectoryCanBeOpened() throws IOException {
        Configuration configuration = Configuration.windows().toBuilder()
                .setAttributeViews("basic", "owner")
                .build();
        try (FileSystem windows = Jimfs.newFileSystem(configuration)) {
            SpoolDirectory directory = new SpoolDirectory(windows.getPath("C:\\spool\\of\\an\\application"), "orders");
            assertThatThrownBy(() -> FileChannel.open(directory.path(), StandardOpenOption.READ))
                    .isInstanceOf(IOException.class);
            SpoolLock lock = new SpoolLock(directory.lockFile());
            lock.acquire();
            Path file = directory.next();

            SpoolFiles.write(file, List.of(RecordBytes.encode(new ProducerRecord<>("topic", new byte[100]))));

            lock.release();
            assertThat(Files.exists(file)).isTrue();
            assertThat(directory.oldest(10, List.of())).containsExactly(file);
            assertThat(SpoolFiles.read(file).records()).hasSize(1);
            assertThat(SpoolFiles.read(file).damage()).isNull();
        }
    }
}
