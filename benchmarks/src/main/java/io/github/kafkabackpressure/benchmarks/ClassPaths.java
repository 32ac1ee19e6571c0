package io.github.kafkabackpressure.benchmarks;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** The class paths of contenders' processes. */
final class ClassPaths {

    private static final String JAR = "benchmarks.jar";

    private static final String AUTOCONFIGURE = "kafka-backpressure-spring-boot-autoconfigure";

    private static final String STARTER = "kafka-backpressure-spring-boot-starter";

    private ClassPaths() {}

    /** That of this process. */
    static String own() {
        return System.getProperty("java.class.path");
    }

    /** That of this process without the project's own jars, for an application that does not have them. */
    static String withoutStarter() throws IOException {
        List<String> kept = expanded();
        kept.removeIf(entry -> isJarOf(AUTOCONFIGURE, entry) || isJarOf(STARTER, entry));
        return String.join(File.pathSeparator, kept);
    }

    /** That of this process with the jar of another build of the autoconfigure module in place of its own. */
    static String with(Path build) throws IOException {
        List<String> entries = expanded();
        entries.removeIf(entry -> isJarOf(AUTOCONFIGURE, entry));
        entries.add(build.toString());
        return String.join(File.pathSeparator, entries);
    }

    private static List<String> expanded() throws IOException {
        List<String> all = new ArrayList<>();
        for (String entry : own().split(File.pathSeparator, -1)) {
            if (entry.endsWith(JAR)) {
                // Its manifest names all jars: what was packed into it and what it names stand beside it.
                Path directory = Path.of(entry).toAbsolutePath().resolveSibling("classes");
                all.add(directory.toString());
                try (Stream<Path> jars = Files.list(directory.resolveSibling("lib"))) {
                    jars.map(Path::toString).sorted().forEach(all::add);
                }
            } else {
                all.add(entry);
            }
        }
        return all;
    }

    private static boolean isJarOf(String module, String entry) {
        return String.valueOf(Path.of(entry).getFileName()).startsWith(module);
    }
}
