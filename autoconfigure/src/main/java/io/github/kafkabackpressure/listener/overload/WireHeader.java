package io.github.kafkabackpressure.listener.overload;

import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.jspecify.annotations.Nullable;

/**
 * What of a record came over the wire, from its deserialization to the hand-over to the workers: deserializers may
 * change its headers, too.
 *
 * <p>Threading: the consumer's thread, then who writes the record to {@code dropped-to}.
 */
public final class WireHeader implements Header {

    static final String NAME = "kafka_backpressure_wire";

    public final Header[] headers;

    public byte @Nullable [] recordKey;

    public byte @Nullable [] recordValue;

    public WireHeader(Header[] headers) {
        this.headers = headers;
    }

    /** What was kept of a record; null if nothing was. */
    public static @Nullable WireHeader of(Headers headers) {
        return headers.lastHeader(NAME) instanceof WireHeader kept ? kept : null;
    }

    /** Takes what was kept of a record out of its headers, which the user's method will see. */
    public static @Nullable WireHeader take(Headers headers) {
        WireHeader kept = of(headers);
        if (kept != null) {
            headers.remove(NAME);
        }
        return kept;
    }

    @Override
    public String key() {
        return NAME;
    }

    @Override
    public byte[] value() {
        return new byte[0];
    }
}
