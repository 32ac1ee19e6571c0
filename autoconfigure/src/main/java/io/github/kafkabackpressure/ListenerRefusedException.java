package io.github.kafkabackpressure;

/**
 * A listener cannot be had as it is configured. Thrown while the application starts, so that it stops there instead of
 * losing records or order later.
 */
public class ListenerRefusedException extends IllegalStateException {

    private static final long serialVersionUID = 1L;

    private final String reason;
    private final String action;

    /**
     * Makes the exception; its message is both sentences.
     *
     * @param reason which listener, and why it cannot be had
     * @param action what to do instead
     */
    public ListenerRefusedException(String reason, String action) {
        super(reason + " " + action);
        this.reason = reason;
        this.action = action;
    }

    /** Which listener, and why it cannot be had. */
    public String reason() {
        return reason;
    }

    /** What to do instead. */
    public String action() {
        return action;
    }
}
