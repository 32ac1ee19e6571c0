package io.github.kafkabackpressure.benchmarks.report;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The part of a document between two comments that is written from the results. */
final class ReadmeSection {

    private static final String BEGIN = "<!-- benchmarks/run report writes what follows -->\n";

    private static final String END = "<!-- until here -->\n";

    private ReadmeSection() {}

    /** Writes the section of a document; nothing if the file does not exist or has no such section. */
    static void write(Path readme, List<SuiteResult> results) throws IOException {
        if (!Files.exists(readme)) {
            return;
        }
        String before = Files.readString(readme);
        int begin = before.indexOf(BEGIN) + BEGIN.length();
        int end = before.indexOf(END);
        if (begin >= BEGIN.length() && end >= begin) {
            Files.writeString(
                    readme, before.substring(0, begin) + PerformanceTables.of(results) + before.substring(end));
        }
    }
}
