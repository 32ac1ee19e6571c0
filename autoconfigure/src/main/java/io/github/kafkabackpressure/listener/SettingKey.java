package io.github.kafkabackpressure.listener;

import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.util.ReflectionUtils;
import org.springframework.util.StringUtils;

/**
 * A key of settings that are bound to a record, such as {@code max-in-flight}, or {@code rate-limit.rate} of a record in
 * it: whatever has to know all keys goes through the record's components, so that a new one need not be listed again.
 *
 * <p>Threading: immutable.
 */
public final class SettingKey {

    private final String name;

    private final Class<?> type;

    private final List<RecordComponent> path;

    private SettingKey(List<RecordComponent> path) {
        this.path = List.copyOf(path);
        this.name = String.join(
                ".", path.stream().map(component -> dashed(component.getName())).toList());
        this.type = path.get(path.size() - 1).getType();
    }

    /** All keys of a record and of the records in it, in their order. */
    public static List<SettingKey> all(Class<?> record) {
        List<SettingKey> keys = new ArrayList<>();
        collect(record, List.of(), keys);
        return keys;
    }

    private static void collect(Class<?> record, List<RecordComponent> outer, List<SettingKey> keys) {
        for (RecordComponent component : record.getRecordComponents()) {
            List<RecordComponent> path = new ArrayList<>(outer);
            path.add(component);
            if (component.getType().isRecord()) {
                collect(component.getType(), path, keys);
            } else {
                keys.add(new SettingKey(path));
            }
        }
    }

    /** The key as properties have it. */
    public String name() {
        return name;
    }

    /** Whether what follows a key is free: the names of a map. */
    public boolean isMap() {
        return Map.class.isAssignableFrom(type);
    }

    /** Whether something that is written under this key belongs to it. */
    boolean covers(String key) {
        return key.equals(name) || (isMap() && key.startsWith(name + "."));
    }

    /** The key as an annotation's attribute is called. */
    String camelCase() {
        return camelCase(name);
    }

    static String camelCase(String key) {
        StringBuilder camel = new StringBuilder();
        for (String word : key.split("[-.]", -1)) {
            camel.append(camel.isEmpty() ? word : StringUtils.capitalize(word));
        }
        return camel.toString();
    }

    private static String dashed(String name) {
        return name.replaceAll("([A-Z])", "-$1").toLowerCase(Locale.ROOT);
    }

    /** What settings say for this key; null if nothing. */
    @Nullable Object of(Object settings) {
        Object value = settings;
        for (RecordComponent component : path) {
            value = value == null ? null : ReflectionUtils.invokeMethod(component.getAccessor(), value);
        }
        return value;
    }
}
