package io.github.kafkabackpressure;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.flow.PartitionInFlightStress;
import io.github.kafkabackpressure.flow.WakeupGateStress;
import io.github.kafkabackpressure.progress.LaneTaskStress;
import io.github.kafkabackpressure.progress.SliceChainStress;
import io.github.kafkabackpressure.progress.SliceStress;
import io.github.kafkabackpressure.work.WorkerPoolStress;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Runs the jcstress tests in JVMs of their own: those of the product must show nothing forbidden, and each broken
 * variant beside them must.
 *
 * <p>What runs with every build is short, in one mode of the compiler. {@code mvn -pl autoconfigure test
 * -Dtest=StressTests -Dstress=default} goes through all modes of the compiler and takes many times as long;
 * {@code tough} in place of {@code default} longer still.
 */
@Tag("interleavings")
class StressTests {

    private static final List<Class<?>> TESTS = List.of(
            WakeupGateStress.class,
            PartitionInFlightStress.class,
            LaneTaskStress.class,
            SliceStress.class,
            SliceChainStress.class,
            WorkerPoolStress.class);

    /** What jcstress says of all of them in the end. */
    private static String report;

    /** The nested classes that are tests, by whether they are broken on purpose. */
    private static List<String> names(boolean broken) {
        return TESTS.stream()
                .flatMap(type -> Arrays.stream(type.getDeclaredClasses()))
                .filter(type -> type.getSimpleName().startsWith("Broken") == broken)
                .map(Class::getCanonicalName)
                .toList();
    }

    @BeforeAll
    static void run() throws IOException, InterruptedException {
        Path directory = Files.createDirectories(Path.of("target", "jcstress"));
        Path output = directory.toAbsolutePath().resolve("output.txt");
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                classPath(),
                "org.openjdk.jcstress.Main",
                "-t",
                "Stress\\.",
                "-r",
                "results"));
        String mode = System.getProperty("stress");
        if (mode == null) {
            command.addAll(List.of("-m", "quick", "-f", "1", "-iters", "3", "-time", "200"));
            command.addAll(List.of("-sc", "false", "-af", "NONE", "-jvmArgs", "-Xmx256m"));
        } else {
            command.addAll(List.of("-m", mode));
        }
        Process process = new ProcessBuilder(command)
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        try {
            boolean ended = process.waitFor(mode == null ? 5 : 600, TimeUnit.MINUTES);
            String text = Files.readString(output);
            assertThat(ended).as("ended in time:%n%s", text).isTrue();
            assertThat(text).contains("RUN RESULTS:");
            report = text.substring(text.indexOf("RUN RESULTS:"));
        } finally {
            process.destroyForcibly();
        }
    }

    @Test
    void theProductShowsNothingForbidden() {
        List<String> names = names(false);

        assertThat(names).hasSize(TESTS.size());
        assertThat(report).contains("Error tests: No matches.");
        assertThat(report).contains("All remaining tests: " + names.size() + " matching");
        assertThat(names).allSatisfy(name -> assertThat(report).doesNotContain("[FAILED] " + name));
    }

    @Test
    void everyBrokenVariantIsCaught() {
        List<String> names = names(true);

        assertThat(names).hasSize(TESTS.size());
        assertThat(report).contains("Failed tests: " + names.size() + " matching");
        assertThat(names).allSatisfy(name -> assertThat(report).contains("[FAILED] " + name));
    }

    private static String classPath() {
        // Surefire's own class path is a jar that only points to this.
        String classPath = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
        return Arrays.stream(classPath.split(File.pathSeparator))
                .map(entry -> Path.of(entry).toAbsolutePath().toString())
                .reduce((one, other) -> one + File.pathSeparator + other)
                .orElseThrow();
    }
}
