package io.github.kafkabackpressure.documents;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;
import org.junit.jupiter.api.Test;

/**
 * {@code docs/reference.md} is made from the configuration metadata. {@code -Dreference.write=true} writes it anew.
 */
class ReferenceTests {

    private static final String ROOT = "kafka.backpressure.";

    private static final int LONGEST_CELL = 160;

    /** The groups in the order of the page, by their prefix, each with what it is about. */
    private static final List<Map.Entry<String, String>> GROUPS = List.of(
            Map.entry(
                    "listener.",
                    "## Listeners\n\nThe defaults for all listeners. `kafka.backpressure.listeners.<id>.*` has the same keys for one"
                            + " listener and goes before\nthe annotation, whose attributes have the same names in camel case; that goes"
                            + " before these."),
            Map.entry(
                    "producer.",
                    "## Producers\n\nOf the auto-configured `BackpressuredKafkaTemplate`, and of the flush at shutdown."),
            Map.entry("", "## The rest"));

    @Test
    void theReferenceIsThatOfTheMetadata() throws IOException, JSONException {
        Path page = DocumentsTests.ROOT.resolve("docs/reference.md");
        String made = page(properties());
        if (Boolean.getBoolean("reference.write")) {
            Files.writeString(page, made);
        }
        assertThat(Files.readString(page))
                .as("docs/reference.md is stale: run this test with -Dreference.write=true")
                .isEqualTo(made);
    }

    private static TreeMap<String, JSONObject> properties() throws IOException, JSONException {
        TreeMap<String, JSONObject> properties = new TreeMap<>();
        for (URL url : Collections.list(
                ReferenceTests.class.getClassLoader().getResources("META-INF/spring-configuration-metadata.json"))) {
            try (InputStream in = url.openStream()) {
                JSONArray all = new JSONObject(new String(in.readAllBytes(), StandardCharsets.UTF_8))
                        .getJSONArray("properties");
                for (int at = 0; at < all.length(); at++) {
                    JSONObject property = all.getJSONObject(at);
                    if (property.getString("name").startsWith(ROOT)) {
                        properties.put(property.getString("name").substring(ROOT.length()), property);
                    }
                }
            }
        }
        return properties;
    }

    private static String page(TreeMap<String, JSONObject> properties) throws JSONException {
        StringBuilder page =
                new StringBuilder("# Every property\n\nMade from the configuration metadata, which your IDE shows too."
                        + " A value that cannot work stops the start with a message that\nnames the property, its value and what is legal;"
                        + " so does a key that does not exist.\n");
        for (Map.Entry<String, String> group : GROUPS) {
            page.append('\n').append(group.getValue()).append("\n\n");
            page.append("| `").append(ROOT).append(group.getKey()).append("…` | default | meaning |\n|---|---|---|\n");
            List<String> details = new ArrayList<>();
            for (String name : List.copyOf(properties.keySet())) {
                if (name.startsWith(group.getKey())) {
                    JSONObject property = properties.remove(name);
                    String key = name.substring(group.getKey().length());
                    String description = property.optString("description");
                    String first = firstSentence(description);
                    page.append("| `")
                            .append(key)
                            .append("` | ")
                            .append(defaultOf(property))
                            .append(" | ");
                    page.append(first).append(" |\n");
                    if (first.length() < description.length()) {
                        details.add("- `" + key + "`: "
                                + description.substring(first.length()).strip());
                    }
                }
            }
            if (!details.isEmpty()) {
                page.append("\nMore about some of them:\n\n");
                details.forEach(detail -> page.append(detail).append('\n'));
            }
        }
        return page.toString();
    }

    private static int firstEnd(String description) {
        int sentence = description.indexOf(". ");
        int clause = description.indexOf("; ");
        boolean longSentence = sentence > LONGEST_CELL || (sentence < 0 && description.length() > LONGEST_CELL);
        return longSentence && clause > 0 ? clause : sentence;
    }

    private static String firstSentence(String description) {
        int end = firstEnd(description);
        String first = end < 0 ? description : description.substring(0, end + 1);
        assertThat(first.length()).as("a cell of one line: " + first).isLessThanOrEqualTo(LONGEST_CELL);
        return first.replace("|", "\\|");
    }

    private static String defaultOf(JSONObject property) throws JSONException {
        if (!property.has("defaultValue")) {
            return "";
        }
        Object value = property.get("defaultValue");
        if (value instanceof JSONArray list) {
            return "`" + list.join(", ").replace("\"", "") + "`";
        }
        return "`" + value + "`";
    }
}
