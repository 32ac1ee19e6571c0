package io.github.kafkabackpressure.producer.spool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.kafkabackpressure.InvalidBackpressurePropertyException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.core.ProducerFactory;

/** A spool where others can write, or nobody. */
@EnabledOnOs({OS.LINUX, OS.MAC})
@ExtendWith(OutputCaptureExtension.class)
@Timeout(60)
class SpoolSurroundingsTests {

    @TempDir
    Path root;

    private final MockProducer<byte[], byte[]> kafka =
            new MockProducer<>(true, null, new ByteArraySerializer(), new ByteArraySerializer());

    private Path directory;
    private Path victim;

    @BeforeEach
    void createDirectory() throws IOException {
        directory = Files.createDirectory(root.resolve("template"));
        victim = Files.writeString(root.resolve("victim"), "precious");
    }

    @Test
    void directoriesAreTheOwnersAloneNewAndOldOnes() throws IOException {
        Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxrwxrwx"));
        spool(root, "template");
        spool(root.resolve("new").resolve("newer"), "template");

        for (Path own : List.of(
                directory, root.resolve("new"), root.resolve("new/newer"), root.resolve("new/newer/template"))) {
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(own)))
                    .as(own.toString())
                    .isEqualTo("rwx------");
        }
    }

    @Test
    void aDirectoryThatIsALinkStopsTheStart() throws IOException {
        Path elsewhere = Files.createDirectory(root.resolve("elsewhere"));
        Files.createSymbolicLink(root.resolve("linked"), elsewhere);

        assertThatThrownBy(() -> spool(root, "linked"))
                .isInstanceOf(InvalidBackpressurePropertyException.class)
                .hasMessageContaining("kafka.backpressure.producer.spool-directory")
                .hasMessageContaining("link");
        assertThat(elsewhere).isEmptyDirectory();
    }

    @Test
    void aDirectoryThatCannotBeMadeOrWrittenStopsTheStart() {
        for (Path impossible : List.of(Path.of("/proc/nope"), victim, victim.resolve("below"))) {
            assertThatThrownBy(() -> spool(impossible, "template"))
                    .as(impossible.toString())
                    .isInstanceOf(InvalidBackpressurePropertyException.class)
                    .hasMessageContaining("kafka.backpressure.producer.spool-directory")
                    .hasMessageContaining(impossible.toString());
        }
        assertThat(victim).hasContent("precious");
    }

    @Test
    void aDirectoryOfAnotherUserStopsTheStart() throws IOException {
        giveAway(directory);

        assertThatThrownBy(() -> spool(root, "template"))
                .isInstanceOf(InvalidBackpressurePropertyException.class)
                .hasMessageContaining("belongs to nobody");
    }

    @Test
    void linksInTheDirectoryAreNeitherWrittenThroughNorSent() throws IOException {
        Files.createSymbolicLink(directory.resolve("000000000000000001.spool.unfinished"), victim);
        Files.createSymbolicLink(directory.resolve("000000000000000001.spool"), victim);
        Files.createSymbolicLink(directory.resolve("000000000000000002.spool"), root.resolve("nothing"));
        Spool<String, String> spool = spool(root, "template");

        assertThat(keep(spool, "0", "1")).isEqualTo(2);

        assertThat(victim).hasContent("precious");
        assertThat(root.resolve("nothing")).doesNotExist();
        assertThat(spool.replay(() -> true)).isTrue();
        assertThat(sent()).containsExactly("0", "1");
        assertThat(victim).hasContent("precious");
    }

    @Test
    void aLockThatIsALinkIsNotWrittenThrough() throws IOException {
        Files.createSymbolicLink(directory.resolve(".lock"), root.resolve("nothing"));
        Spool<String, String> spool = spool(root, "template");

        assertThat(keep(spool, "0")).isZero();

        assertThat(root.resolve("nothing")).doesNotExist();
    }

    @Test
    void whatIsNoRegularFileOfTheOwnersIsLeftAloneWithAWarning(CapturedOutput output) throws Exception {
        Path whole = write("000000000000000003.spool", "3");
        Path hardLinked = write("000000000000000001.spool", "hard link");
        Files.createLink(root.resolve("other name"), hardLinked);
        Path writable = write("000000000000000002.spool", "others may write");
        Files.setPosixFilePermissions(writable, PosixFilePermissions.fromString("rw-rw-rw-"));
        Path folder = Files.createDirectory(directory.resolve("000000000000000004.spool"));
        Path pipe = directory.resolve("000000000000000005.spool");
        new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor(10, TimeUnit.SECONDS);
        Path named = Files.copy(whole, directory.resolve("z\nERROR forged.spool"));
        List<Path> leftAlone = List.of(hardLinked, writable, folder, pipe, named);

        assertThat(spool(root, "template").replay(() -> true)).isTrue();

        assertThat(sent()).containsExactly("3");
        assertThat(leftAlone).allSatisfy(path -> assertThat(path).exists());
        assertThat(output).contains("z?ERROR forged.spool' in").doesNotContain("\nERROR forged");
        for (Path path : leftAlone.subList(0, 4)) {
            assertThat(output).contains("'" + path.getFileName() + "' in " + directory + " is left alone");
        }
    }

    @Test
    void aFileOfAnotherUserIsLeftAlone() throws IOException {
        giveAway(write("000000000000000001.spool", "planted"));
        write("000000000000000002.spool", "2");

        assertThat(spool(root, "template").replay(() -> true)).isTrue();

        assertThat(sent()).containsExactly("2");
    }

    @Test
    void aFileThatFailsStandsBeforeNoOther(CapturedOutput output) throws IOException {
        write("000000000000000001.spool", "1");
        Files.writeString(directory.resolve("000000000000000002.spool"), "nothing that we wrote");
        write("000000000000000003.spool", "3");

        assertThat(spool(root, "template").replay(() -> true)).isTrue();

        assertThat(sent()).containsExactly("1", "3");
        assertThat(output).contains("not a spool file of this version");
    }

    @Test
    void filesAreNeverOverwrittenWhateverTheirNumbersAre() throws IOException {
        write("999999999999999999.spool", "first");
        Spool<String, String> spool = spool(root, "template");

        keep(spool, "second");
        keep(spool, "third");

        assertThat(spool.replay(() -> true)).isTrue();
        assertThat(sent()).containsExactly("first", "second", "third");
    }

    @Test
    void whatAShutdownThatWasKilledHasLeftIsRemoved() throws IOException {
        Path left = write("000000000000000001.spool.unfinished", "half");

        keep(spool(root, "template"), "1");

        assertThat(left).doesNotExist();
    }

    @Test
    void anErrorLeavesTheSenderAbleToGoOn() throws IOException {
        Path file = write("000000000000000001.spool", "1");
        Spool<String, String> spool = new Spool<>(root, 1 << 20, "template", factory(), () -> {
            throw new OutOfMemoryError("no heap");
        });

        assertThat(spool.replay(() -> true)).isTrue();

        assertThat(file).exists();
    }

    @Test
    void filesThatWereSetAsideCountAndTheLogSaysSo(CapturedOutput output) throws IOException {
        Path aside = directory.resolve("000000000000000001.spool.damaged-1");
        OwnerOnly.create(aside).close();
        Files.write(aside, new byte[950]);
        Spool<String, String> spool = new Spool<>(root, 1_000, "template", factory(), () -> kafka);

        assertThat(keep(spool, "0")).isZero();

        assertThat(output).contains("full at spool-max-bytes, 1000").contains("(.damaged-) hold 950 bytes");
    }

    private Spool<String, String> spool(Path root, String template) {
        return new Spool<>(root, 1 << 20, template, factory(), () -> (Producer<byte[], byte[]>) kafka);
    }

    private static ProducerFactory<String, String> factory() {
        return new DefaultKafkaProducerFactory<>(
                Map.of(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, "localhost:1"),
                new StringSerializer(),
                new StringSerializer());
    }

    private static int keep(Spool<String, String> spool, String... values) {
        List<Undelivered<String, String>> undelivered = Stream.of(values)
                .map(value -> (Undelivered<String, String>) () -> new ProducerRecord<>("topic", value))
                .toList();
        return spool.keep(undelivered, () -> true).size();
    }

    private Path write(String name, String value) throws IOException {
        Path made = root.resolve("made.spool");
        SpoolFiles.write(
                made,
                List.of(RecordBytes.encode(new ProducerRecord<>("topic", value.getBytes(StandardCharsets.UTF_8)))));
        return Files.move(made, directory.resolve(name));
    }

    private static void giveAway(Path path) {
        try {
            Files.setOwner(
                    path, path.getFileSystem().getUserPrincipalLookupService().lookupPrincipalByName("nobody"));
        } catch (IOException e) {
            Assumptions.abort("Only root may give files away");
        }
    }

    private List<String> sent() {
        return kafka.history().stream()
                .map(record -> new String(record.value(), StandardCharsets.UTF_8))
                .toList();
    }
}
