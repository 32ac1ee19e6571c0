package io.github.kafkabackpressure.benchmarks;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/** The class paths of contenders' processes. */
final class ClassPaths {

    private static final String JAR = "benchmarks.jar";

    private static final List<String> STARTER =
            List.of("kafka-backpressure-spring-boot-starter", "kafka-backpressure-spring-boot-autoconfigure");

    private ClassPaths() {}

    /** That of this process. */
    static String own() {
        return System.getProperty("java.class.path");
    }

    /** That of this process without the project's own jars, for an application that does not have them. */
    static String withoutStarter() throws IOException {
        List<String> kept = new ArrayList<>();
        for (String entry : Arrays.asList(own().split(File.pathSeparator, -1))) {
            if (entry.endsWith(JAR)) {
                // Its manifest names all jars: what was packed into it and what it names stand beside it.
                Path directory = Path.of(entry).toAbsolutePath().resolveSibling("classes");
                kept.add(directory.toString());
                try (Stream<Path> jars = Files.list(directory.resolveSibling("lib"))) {
                    jars.map(Path::toString).sorted().forEach(kept::add);
                }
            } else {
                kept.add(entry);
            }
        }
        kept.removeIf(entry -> STARTER.stream()
                .anyMatch(
                        starter -> String.valueOf(Path.of(entry).getFileName()).startsWith(starter)));
        return String.join(File.pathSeparator, kept);
    }
}
