package io.github.kafkabackpressure;

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
