package io.github.kafkabackpressure.listener.consume;

import io.github.kafkabackpressure.progress.KeyContent;
import io.github.kafkabackpressure.progress.KeyHash;
import java.lang.ref.WeakReference;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.WeakHashMap;
import org.apache.commons.logging.LogFactory;
import org.jspecify.annotations.Nullable;
import org.springframework.core.log.LogAccessor;

/**
 * What records have to have in common for the newer to take the place of the older. Keys are compared by their content, and
 * here: what this gives the room compares without code of the keys' classes, which the room's lock must not wait for.
 *
 * <p>Threading: the consumer's thread.
 */
final class ConflationKeys {

    private static final LogAccessor LOG = new LogAccessor(LogFactory.getLog(ConflationKeys.class));

    private static final KeyContent CONTENT = new KeyContent((type, cause) -> LOG.warn(
            cause,
            () -> "Keys, or parts of keys, of the class " + type.getName()
                    + (cause == null ? " have no equals() and hashCode() that tell all of them" : " cannot be compared")
                    + ", so overflow=conflate keeps all records with such keys. Make the class a record, or deserialize"
                    + " the key as a text or as bytes."));

    /** Stands for one content in the room, by its identity. */
    private record Known(Object content) {

        @Override
        public boolean equals(@Nullable Object other) {
            return this == other;
        }

        @Override
        public int hashCode() {
            return System.identityHashCode(this);
        }
    }

    /** What stands for each content for as long as a record has it. */
    private final Map<Object, WeakReference<Known>> known = new WeakHashMap<>();

    /** What stands for a key; null if all records with it are to be kept. Throws nothing of the key's. */
    @Nullable Object of(@Nullable Object key) {
        if (key == null || KeyHash.isImmutable(key)) {
            return key;
        }
        Object content = CONTENT.of(key);
        if (content == null || content instanceof ByteBuffer) {
            return content; // a copy of ours
        }
        WeakReference<Known> before = known.get(content);
        Known present = before == null ? null : before.get();
        if (present == null) {
            present = new Known(content);
            known.remove(content); // with the content that is going: the new one must be what the map holds
            known.put(content, new WeakReference<>(present));
        }
        return present;
    }
}
