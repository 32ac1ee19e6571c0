package io.github.kafkabackpressure;

import java.util.List;
import java.util.stream.Collectors;

/**
 * Properties under {@code kafka.backpressure} are set that do not exist. Thrown while the application starts: what was
 * meant by them would not hold.
 */
public class UnknownBackpressurePropertyException extends IllegalArgumentException {

    private static final long serialVersionUID = 1L;

    private final transient List<Unknown> properties;

    /**
     * A property that does not exist.
     *
     * @param name as it is set
     * @param origin where it is set
     * @param nearest the nearest one that exists
     */
    public record Unknown(String name, String origin, String nearest) {}

    /** Makes the exception; at least one property. */
    public UnknownBackpressurePropertyException(List<Unknown> properties) {
        super(properties.stream()
                .map(unknown -> "'%s' (%s) does not exist. Did you mean '%s'?"
                        .formatted(unknown.name(), unknown.origin(), unknown.nearest()))
                .collect(Collectors.joining(" ")));
        this.properties = List.copyOf(properties);
    }

    /** The properties that do not exist. */
    public List<Unknown> properties() {
        return properties;
    }
}
