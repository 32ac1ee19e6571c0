package io.github.kafkabackpressure.documents;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The documents say what is there: their links lead somewhere, and their snippets are taken from files that the build
 * compiles or reads. A snippet is the fenced block behind {@code <!-- snippet: path#name -->}; in the file it stands
 * between lines with {@code tag::name[]} and {@code end::name[]}.
 */
class DocumentsTests {

    static final Path ROOT = root();

    private static final Pattern LINK = Pattern.compile("\\[[^]]*]\\(([^)\\s]+)\\)|(?:src|srcset)=\"([^\"]+)\"");

    private static final Pattern SNIPPET =
            Pattern.compile("<!-- snippet: (\\S+)#(\\S+) -->\\n```\\w+\\n(.*?)\\n```", Pattern.DOTALL);

    private static final Pattern CODE =
            Pattern.compile("(<!-- snippet: \\S+ -->\\n)?```(?:java|kotlin|properties|yaml)\\n");

    private static Path root() {
        Path here = Path.of("").toAbsolutePath();
        return Files.exists(here.resolve("README.md")) ? here : here.getParent();
    }

    static List<Path> documents() throws IOException {
        List<Path> documents = new ArrayList<>();
        for (Path folder : List.of(ROOT, ROOT.resolve("docs"), ROOT.resolve("benchmarks"))) {
            try (Stream<Path> files = Files.list(folder)) {
                files.filter(file -> file.toString().endsWith(".md")).forEach(documents::add);
            }
        }
        return documents;
    }

    @ParameterizedTest
    @MethodSource("documents")
    void everyRelativeLinkLeadsSomewhere(Path document) throws IOException {
        List<String> broken = new ArrayList<>();
        Matcher links = LINK.matcher(withoutCode(Files.readString(document)));
        while (links.find()) {
            String link = links.group(1) != null ? links.group(1) : links.group(2);
            if (!link.matches("[a-z]+:.*") && !leadsSomewhere(document, link)) {
                broken.add(link);
            }
        }
        assertThat(broken).isEmpty();
    }

    private static boolean leadsSomewhere(Path document, String link) throws IOException {
        int hash = link.indexOf('#');
        String path = hash < 0 ? link : link.substring(0, hash);
        Path target = path.isEmpty() ? document : document.resolveSibling(path).normalize();
        if (!Files.exists(target)) {
            return false;
        }
        return hash < 0 || !target.toString().endsWith(".md") || anchors(target).contains(link.substring(hash + 1));
    }

    private static List<String> anchors(Path document) throws IOException {
        return withoutCode(Files.readString(document))
                .lines()
                .filter(line -> line.startsWith("#"))
                .map(line -> line.replaceFirst("#+ *", "")
                        .toLowerCase(Locale.ROOT)
                        .replaceAll("[^\\p{L}\\p{N} _-]", "")
                        .replace(' ', '-'))
                .toList();
    }

    private static String withoutCode(String text) {
        return text.replaceAll("(?s)```.*?```", "").replaceAll("`[^`\\n]*`", "");
    }

    @ParameterizedTest
    @MethodSource("documents")
    void everySnippetIsWhatItsFileHas(Path document) throws IOException {
        Matcher snippets = SNIPPET.matcher(Files.readString(document));
        while (snippets.find()) {
            assertThat(snippets.group(3))
                    .as(snippets.group(1) + "#" + snippets.group(2))
                    .isEqualTo(tagged(ROOT.resolve(snippets.group(1)), snippets.group(2)));
        }
    }

    /** All parts of a file that have a name; it may be left and begun again, to leave out what a reader need not see. */
    private static String tagged(Path file, String name) throws IOException {
        List<String> lines = new ArrayList<>();
        boolean inside = false;
        boolean found = false;
        for (String line : Files.readAllLines(file, StandardCharsets.UTF_8)) {
            if (line.contains("tag::" + name + "[]")) {
                inside = true;
                found = true;
            } else if (line.contains("end::" + name + "[]")) {
                inside = false;
            } else if (inside) {
                lines.add(line);
            }
        }
        assertThat(found).as(file + " has a region " + name).isTrue();
        return String.join("\n", lines).stripIndent().strip();
    }

    @ParameterizedTest
    @MethodSource("documents")
    void noDocumentShowsCodeOrSettingsThatNothingRuns(Path document) throws IOException {
        List<Integer> unnamed = new ArrayList<>();
        String text = Files.readString(document);
        Matcher code = CODE.matcher(text);
        while (code.find()) {
            if (code.group(1) == null) {
                unnamed.add((int) text.substring(0, code.start()).lines().count() + 1);
            }
        }
        assertThat(unnamed).as("lines of " + document).isEmpty();
    }

    @Test
    void theFrontDoorIsShort() throws IOException {
        assertThat(Files.readAllLines(ROOT.resolve("README.md"))).hasSizeLessThan(200);
    }
}
