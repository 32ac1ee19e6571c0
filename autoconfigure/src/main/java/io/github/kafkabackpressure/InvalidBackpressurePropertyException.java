package io.github.kafkabackpressure;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * A property has a value that cannot work. Thrown while the application starts, so that it stops there instead of
 * hanging or losing records later.
 */
public class InvalidBackpressurePropertyException extends IllegalArgumentException {

    private static final long serialVersionUID = 1L;

    private final String property;
    private final String value;
    private final String legal;

    /**
     * @param property full name of the property, as the user writes it
     * @param value what it is
     * @param legal what it may be, as the end of a sentence that begins with "It must be"
     */
    public InvalidBackpressurePropertyException(String property, Object value, String legal) {
        super("'%s' is '%s'. It must be %s.".formatted(property, value, legal));
        this.property = property;
        this.value = String.valueOf(value);
        this.legal = legal;
    }

    /** As the other constructor, with the failure to read the value as the cause. */
    public InvalidBackpressurePropertyException(String property, Object value, String legal, Throwable cause) {
        this(property, value, legal);
        initCause(cause);
    }

    /**
     * A value that cannot be read as what it has to be.
     *
     * @param property full name of the property, as the user writes it
     * @param value what it is
     * @param type what it has to be
     * @param cause why it could not be read
     */
    public static InvalidBackpressurePropertyException ofType(
            String property, Object value, Class<?> type, Throwable cause) {
        return new InvalidBackpressurePropertyException(property, value, legal(type), cause);
    }

    private static String legal(Class<?> type) {
        if (type.isEnum()) {
            return Arrays.stream(type.getEnumConstants())
                    .map(constant ->
                            ((Enum<?>) constant).name().toLowerCase(Locale.ROOT).replace('_', '-'))
                    .collect(Collectors.joining(", ", "one of ", ""));
        }
        return switch (type.getSimpleName()) {
            case "Integer", "int", "Long", "long" -> "a whole number";
            case "Double", "double" -> "a number from 0 to 1";
            case "Boolean", "boolean" -> "true or false";
            case "Duration" -> "a duration like 20s";
            case "DataSize" -> "a size like 16MB";
            default -> "a value of the type " + type.getName();
        };
    }

    /** Full name of the property, as the user writes it. */
    public String property() {
        return property;
    }

    /** What the property is. */
    public String value() {
        return value;
    }

    /** What the property may be. */
    public String legal() {
        return legal;
    }
}
