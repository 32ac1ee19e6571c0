package io.github.kafkabackpressure.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.listener.ListenerOptions;
import io.github.kafkabackpressure.listener.ListenerSettings;
import io.github.kafkabackpressure.listener.OverloadOptions;
import io.github.kafkabackpressure.listener.SettingKey;
import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.springframework.boot.convert.DurationStyle;

/** What an IDE shows of the properties. */
class ConfigurationMetadataTests {

    private static final String LISTENER = "kafka.backpressure.listener.";

    /** These are off, or depend on others, unless they are set. */
    private static final Set<String> WITHOUT_DEFAULT = Set.of(
            LISTENER + "batch-size",
            LISTENER + "dropped-to",
            LISTENER + "handler-timeout",
            LISTENER + "max-in-flight-bytes",
            LISTENER + "max-in-flight-per-partition",
            LISTENER + "offset-metadata-max-bytes",
            LISTENER + "remember-progress",
            LISTENER + "priority",
            LISTENER + "rate-limit.ahead",
            LISTENER + "rate-limit.burst",
            LISTENER + "rate-limit.rate",
            LISTENER + "rate-limit.shared",
            LISTENER + "rate-limit.window-records",
            LISTENER + "soft-limit",
            LISTENER + "topic-priority");

    private static final Map<String, JSONObject> PROPERTIES = new HashMap<>();

    private static JSONObject metadata;

    @BeforeAll
    static void read() throws IOException, JSONException {
        String path = "META-INF/spring-configuration-metadata.json";
        for (URL url : Collections.list(
                ConfigurationMetadataTests.class.getClassLoader().getResources(path))) {
            try (InputStream in = url.openStream()) {
                String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
                if (text.contains(LISTENER)) {
                    metadata = new JSONObject(text);
                }
            }
        }
        JSONArray properties = metadata.getJSONArray("properties");
        for (int i = 0; i < properties.length(); i++) {
            JSONObject property = properties.getJSONObject(i);
            assertThat(PROPERTIES.put(property.getString("name"), property)).isNull();
        }
    }

    @Test
    void everyKeyOfAListenerIsListedAndNoOther() {
        Set<String> keys = new TreeSet<>(Set.of(LISTENER + "enabled"));
        SettingKey.all(ListenerSettings.class).forEach(key -> keys.add(LISTENER + key.name()));
        assertThat(PROPERTIES.keySet().stream().filter(name -> name.startsWith(LISTENER)))
                .containsExactlyInAnyOrderElementsOf(keys);
    }

    @Test
    void everyPropertyHasADescription() throws JSONException {
        for (JSONObject property : PROPERTIES.values()) {
            assertThat(property.optString("description"))
                    .as(property.getString("name"))
                    .matches("[A-Z0-9].*\\.");
        }
    }

    @Test
    void theDefaultsAreThoseThatApply() throws JSONException {
        ListenerOptions options = ListenerOptions.of(List.of());
        assertThat(defaultOf("ordering")).isEqualTo(options.ordering().name().toLowerCase(Locale.ROOT));
        assertThat(defaultOf("max-in-flight")).isEqualTo(options.maxInFlight());
        assertThat(defaultOf("max-concurrency")).isEqualTo(options.maxConcurrency());
        assertThat(defaultOf("resume-at")).isEqualTo(options.resumeAt());
        OverloadOptions overload = options.overload();
        assertThat(defaultOf("overflow")).isEqualTo(overload.overflow().propertyValue());
        assertThat(DurationStyle.detectAndParse(defaultOf("max-age").toString()))
                .isEqualTo(overload.maxAge());
        assertThat(defaultOf("shed-priority")).isEqualTo(overload.shedPriority());
        assertThat(defaultOf("bypass-priority")).isEqualTo(overload.bypassPriority());
        assertThat(defaultOf("default-priority")).isEqualTo(overload.defaultPriority());
        assertThat(defaultOf("priority-header")).isEqualTo(overload.priorityHeader());
        assertThat(DurationStyle.detectAndParse(defaultOf("drain-timeout").toString()))
                .isEqualTo(options.drainTimeout());
        assertThat(DurationStyle.detectAndParse(defaultOf("batch-linger").toString()))
                .isEqualTo(options.batchLinger());
        assertThat(DurationStyle.detectAndParse(defaultOf("commit-interval").toString()))
                .isEqualTo(options.commitInterval());
        for (JSONObject property : PROPERTIES.values()) {
            String name = property.getString("name");
            if (name.startsWith(LISTENER)) {
                assertThat(property.has("defaultValue")).as(name).isNotEqualTo(WITHOUT_DEFAULT.contains(name));
            }
        }
    }

    private static Object defaultOf(String key) throws JSONException {
        return PROPERTIES.get(LISTENER + key).get("defaultValue");
    }

    @Test
    void theSettingsOfSingleListenersAreAMapThatToolsCanLookInto() throws JSONException {
        assertThat(PROPERTIES.get("kafka.backpressure.listeners").getString("type"))
                .isEqualTo("java.util.Map<java.lang.String," + ListenerSettings.class.getName() + ">");
    }

    private static JSONArray hints(String name) throws JSONException {
        JSONArray hints = metadata.getJSONArray("hints");
        for (int i = 0; i < hints.length(); i++) {
            if (hints.getJSONObject(i).getString("name").equals(name)) {
                return hints.getJSONObject(i).getJSONArray("values");
            }
        }
        throw new AssertionError("no hint for " + name);
    }

    @Test
    void everyValueOfAnEnumIsHintedAtAndExplained() throws Exception {
        int enums = 0;
        for (JSONObject property : PROPERTIES.values()) {
            String type = property.getString("type");
            Class<?> loaded = type.startsWith("io.github") ? Class.forName(type.replaceAll("<.*", "")) : null;
            if (loaded != null && loaded.isEnum()) {
                enums++;
                JSONArray values = hints(property.getString("name"));
                List<String> names = new ArrayList<>();
                for (int i = 0; i < values.length(); i++) {
                    names.add(values.getJSONObject(i).getString("value"));
                    assertThat(values.getJSONObject(i).getString("description")).matches("[A-Z].*\\.");
                }
                assertThat(names)
                        .as(property.getString("name"))
                        .containsExactlyElementsOf(Arrays.stream(loaded.getEnumConstants())
                                .map(constant -> ((Enum<?>) constant)
                                        .name()
                                        .toLowerCase(Locale.ROOT)
                                        .replace('_', '-'))
                                .toList());
            }
        }
        assertThat(enums).isGreaterThanOrEqualTo(2);
    }

    @Test
    void everyDurationHasExamplesWithTheirUnits() throws JSONException {
        for (JSONObject property : PROPERTIES.values()) {
            if (property.getString("name").startsWith("kafka.backpressure.")
                    && property.getString("type").equals("java.time.Duration")) {
                JSONArray values = hints(property.getString("name"));
                for (int i = 0; i < values.length(); i++) {
                    assertThat(values.getJSONObject(i).getString("value")).matches("\\d+(ms|s|m)");
                }
            }
        }
    }

    @Test
    void noDescriptionIsThatOfAnotherProperty() throws JSONException {
        Map<String, String> names = new HashMap<>();
        for (JSONObject property : PROPERTIES.values()) {
            String name = property.getString("name");
            String description = property.getString("description");
            assertThat(description).as(name).doesNotContainPattern("\\b(\\w+) \\1\\b");
            assertThat(names.put(name.replace("listeners", "listener") + description, name))
                    .isNull();
        }
    }
}
