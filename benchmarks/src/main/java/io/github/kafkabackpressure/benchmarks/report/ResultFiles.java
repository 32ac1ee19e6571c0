package io.github.kafkabackpressure.benchmarks.report;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** The directory of results: a JSON, a Markdown and an SVG file for each suite and JDK, and one summary of them all. */
public final class ResultFiles {

    private static final ObjectMapper JSON = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

    private final Path directory;

    public ResultFiles(Path directory) {
        this.directory = directory;
    }

    /** Writes a suite's result in its three forms; {@code name} is the file name without its extension. */
    public void write(String name, SuiteResult result) throws IOException {
        Files.createDirectories(directory);
        JSON.writeValue(directory.resolve(name + ".json").toFile(), result);
        render(name, result);
    }

    /**
     * Writes every suite's Markdown and SVG from its JSON again, a summary of them all, and the README's tables.
     *
     * @param summary the Markdown file of the summary; links in it are relative to its directory
     * @param readme the README, which has tables only if it has the comments that enclose them
     */
    public void renderAll(Path summary, Path readme) throws IOException {
        List<SuiteResult> results = new ArrayList<>();
        StringBuilder markdown = new StringBuilder("# Results\n\nWritten by the command `report`; see README.md.\n");
        for (Path file : jsonFiles()) {
            SuiteResult result = JSON.readValue(file.toFile(), SuiteResult.class);
            results.add(result);
            String fileName = String.valueOf(file.getFileName());
            String name = fileName.substring(0, fileName.length() - ".json".length());
            render(name, result);
            Path from = summary.toAbsolutePath().getParent();
            Path chart = directory.toAbsolutePath().resolve(name + ".svg");
            markdown.append('\n')
                    .append(MarkdownReport.of(
                            result,
                            from == null
                                    ? chart.toString()
                                    : from.relativize(chart).toString()));
        }
        Files.writeString(summary, markdown);
        ReadmeSection.write(readme, results);
    }

    private void render(String name, SuiteResult result) throws IOException {
        Files.writeString(directory.resolve(name + ".md"), MarkdownReport.of(result, name + ".svg"));
        Files.writeString(directory.resolve(name + ".svg"), SvgChart.of(result));
    }

    private List<Path> jsonFiles() throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return new ArrayList<>(files.filter(file -> file.toString().endsWith(".json"))
                    .sorted(Comparator.comparing(Path::toString))
                    .toList());
        }
    }
}
