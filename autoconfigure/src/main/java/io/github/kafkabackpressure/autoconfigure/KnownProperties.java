package io.github.kafkabackpressure.autoconfigure;

import io.github.kafkabackpressure.listener.SettingKey;
import java.io.IOException;
import java.io.InputStream;
import java.net.MalformedURLException;
import java.net.URI;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.source.ConfigurationPropertyName;
import org.springframework.boot.context.properties.source.ConfigurationPropertyName.Form;
import org.springframework.util.ClassUtils;

/**
 * The properties that there are, as the configuration metadata lists them, which the build makes from the classes that
 * they are bound to. Those of features that are off are among them.
 *
 * <p>Threading: immutable.
 */
final class KnownProperties {

    static final ConfigurationPropertyName ROOT = ConfigurationPropertyName.of("kafka.backpressure");

    /** As Boot's processor writes it; a JSON parser that can be relied on need not be there. */
    private static final Pattern PROPERTY = Pattern.compile("\"name\":\\s*\"([^\"]+)\",\\s*\"type\":\\s*\"([^\"]+)\"");

    private final List<Known> known;

    private KnownProperties(List<Known> known) {
        this.known = known;
    }

    /**
     * A property that there is.
     *
     * @param elements of its name; null stands for any one, a key of a map
     * @param open whether more elements may follow
     */
    private record Known(List<@Nullable String> elements, boolean open) {

        boolean covers(ConfigurationPropertyName name) {
            int count = name.getNumberOfElements();
            if (open ? count <= elements.size() : count != elements.size()) {
                return false;
            }
            for (int i = 0; i < elements.size(); i++) {
                String element = elements.get(i);
                if (element != null && !plain(element).equals(name.getElement(i, Form.UNIFORM))) {
                    return false;
                }
            }
            return true;
        }

        /** How far a name is from this one, both read from their ends, where the key stands, to their common root. */
        int distance(ConfigurationPropertyName name) {
            int count = name.getNumberOfElements();
            int distance = 3 * Math.abs(count - elements.size());
            int least = Math.min(count, elements.size()) - ROOT.getNumberOfElements();
            for (int back = 1; back <= least; back++) {
                String element = elements.get(elements.size() - back);
                if (element != null) {
                    distance += edits(plain(element), name.getElement(count - back, Form.UNIFORM));
                }
            }
            return distance;
        }

        /** The name that was meant, if it was this: a key of a map that has dots is written in brackets. */
        String meant(ConfigurationPropertyName name) {
            int any = elements.indexOf(null);
            StringBuilder meant = new StringBuilder();
            for (int i = 0; i < elements.size(); i++) {
                String element = elements.get(i);
                if (element != null) {
                    meant.append(meant.isEmpty() ? "" : ".").append(element);
                } else {
                    int after = elements.size() - i - 1;
                    List<String> key = new ArrayList<>();
                    for (int j = any; j < name.getNumberOfElements() - after; j++) {
                        key.add(name.getElement(j, Form.ORIGINAL));
                    }
                    String joined = key.isEmpty() ? "<id>" : String.join(".", key);
                    meant.append(joined.matches("[a-z0-9-]+|<id>") ? "." + joined : "[" + joined + "]");
                }
            }
            return meant.toString();
        }

        /** Of how many elements the key of a map would be, were this name this one as an environment variable; or 0. */
        int elementsOfKey(ConfigurationPropertyName variable) {
            int any = elements.indexOf(null);
            int count = variable.getNumberOfElements();
            if (any < 0 || count <= any + 1) {
                return 0;
            }
            StringBuilder after = new StringBuilder();
            for (int i = 0; i < elements.size(); i++) {
                String element = elements.get(i);
                if (element != null && i > any) {
                    after.append(plain(element));
                } else if (element != null && !plain(element).equals(variable.getElement(i, Form.UNIFORM))) {
                    return 0;
                }
            }
            String rest = "";
            for (int from = count - 1; from > any; from--) {
                rest = variable.getElement(from, Form.UNIFORM) + rest;
                if (rest.contentEquals(after)) {
                    return from - any;
                }
            }
            return 0;
        }

        /** Whether a name is this one but for dots in the key of a map. */
        boolean hasDottedKey(ConfigurationPropertyName name) {
            int any = elements.indexOf(null);
            int more = name.getNumberOfElements() - elements.size();
            if (any < 0 || more <= 0) {
                return false;
            }
            for (int i = 0; i < elements.size(); i++) {
                String element = elements.get(i);
                int at = i < any ? i : i + more;
                if (element != null && !plain(element).equals(name.getElement(at, Form.UNIFORM))) {
                    return false;
                }
            }
            return true;
        }
    }

    private static String plain(String element) {
        return element.replace("-", "");
    }

    /**
     * The key of a map in the name of an environment variable, if it has underscores, by which it is cut into elements
     * that are bound to nothing; null if not.
     */
    @Nullable String brokenKey(ConfigurationPropertyName variable) {
        int least = 0;
        int start = 0;
        for (Known one : known) {
            int elements = one.elementsOfKey(variable);
            if (elements > 0 && (least == 0 || elements < least)) {
                least = elements;
                start = one.elements().indexOf(null);
            }
        }
        if (least < 2) {
            return null;
        }
        StringBuilder key = new StringBuilder();
        for (int i = start; i < start + least; i++) {
            key.append(i == start ? "" : "_").append(variable.getElement(i, Form.UNIFORM));
        }
        return key.toString();
    }

    /** Reads the metadata that was built with this class; null if there is none, as in a native image. */
    static @Nullable KnownProperties read() {
        String self = "/" + ClassUtils.convertClassNameToResourcePath(KnownProperties.class.getName()) + ".class";
        URL url = KnownProperties.class.getResource(self);
        if (url == null) {
            return null;
        }
        String base = url.toString();
        try (InputStream metadata = open(base.substring(0, base.length() - self.length()))) {
            return of(new String(metadata.readAllBytes(), StandardCharsets.UTF_8));
        } catch (IOException e) {
            return null;
        }
    }

    private static InputStream open(String base) throws IOException {
        try {
            return URI.create(base + "/META-INF/spring-configuration-metadata.json")
                    .toURL()
                    .openStream();
        } catch (IllegalArgumentException e) {
            throw new MalformedURLException(base);
        }
    }

    private static @Nullable KnownProperties of(String metadata) {
        List<Known> known = new ArrayList<>();
        int begin = metadata.indexOf("\"properties\"");
        Matcher property = PROPERTY.matcher(metadata);
        while (begin >= 0 && property.find(begin)) {
            if (property.group(1).startsWith(ROOT + ".")) {
                add(property.group(1), property.group(2), known);
            }
            begin = property.end();
        }
        return known.isEmpty() ? null : new KnownProperties(known);
    }

    private static void add(String name, String type, List<Known> known) {
        List<String> elements = List.of(name.split("\\."));
        Class<?> ofMap = type.startsWith(Map.class.getName() + "<") ? valueType(type) : null;
        if (ofMap != null && ofMap.isRecord()) {
            for (SettingKey key : SettingKey.all(ofMap)) {
                List<@Nullable String> all = new ArrayList<>(elements);
                all.add(null);
                all.addAll(List.of(key.name().split("\\.")));
                known.add(new Known(all, key.isMap()));
            }
        } else {
            boolean open = type.matches("java\\.util\\.(Map|List|Set|Collection)\\b.*");
            known.add(new Known(new ArrayList<>(elements), false));
            if (open) {
                known.add(new Known(new ArrayList<>(elements), true));
            }
        }
    }

    private static @Nullable Class<?> valueType(String type) {
        String name =
                type.substring(type.indexOf(',') + 1, type.lastIndexOf('>')).trim();
        return ClassUtils.isPresent(name, KnownProperties.class.getClassLoader())
                ? ClassUtils.resolveClassName(name, KnownProperties.class.getClassLoader())
                : null;
    }

    boolean contains(ConfigurationPropertyName name) {
        return known.stream().anyMatch(each -> each.covers(name));
    }

    /** The name that was most likely meant by one that there is not. */
    String nearest(ConfigurationPropertyName name) {
        return known.stream()
                .filter(each -> each.hasDottedKey(name))
                .findFirst()
                .or(() -> known.stream().min(Comparator.comparingInt(each -> each.distance(name))))
                .map(each -> each.meant(name))
                .orElseThrow();
    }

    /** How many letters must be added, taken away or changed to make one of the other (Levenshtein). */
    private static int edits(String one, String other) {
        int[] row = new int[other.length() + 1];
        for (int j = 0; j < row.length; j++) {
            row[j] = j;
        }
        for (int i = 1; i <= one.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j < row.length; j++) {
                int changed = diagonal + (one.charAt(i - 1) == other.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(changed, 1 + Math.min(row[j], row[j - 1]));
            }
        }
        return row[other.length()];
    }
}
