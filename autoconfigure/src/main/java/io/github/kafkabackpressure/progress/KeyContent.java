package io.github.kafkabackpressure.progress;

import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * What a record's key holds, to be compared with what others hold: two contents are equal only if the keys are, also where
 * the keys' own {@code equals} goes by identity. It takes a key apart as {@link KeyHash} does, but where a part is ignored
 * for a hash, or a hash could collide, here the key cannot be compared.
 *
 * <p>Threading: safe for all; a content does not change with its key, but for parts of classes that are trusted with their
 * {@code equals}.
 */
public final class KeyContent {

    private static final boolean IN_NATIVE_IMAGE = System.getProperty("org.graalvm.nativeimage.imagecode") != null;

    /** Whether all that makes up an object of a class is in the fields that {@link KeyHash} knows. */
    private static final ClassValue<Boolean> WHOLE = new ClassValue<>() {
        @Override
        protected Boolean computeValue(Class<?> type) {
            return isWhole(type);
        }
    };

    /** Says that a key cannot be compared. */
    private static final class Incomparable extends RuntimeException {

        private static final long serialVersionUID = 1;

        private final transient Class<?> type;

        private Incomparable(Class<?> type) {
            super(null, null, false, false);
            this.type = type;
        }
    }

    /** A part that is compared by its own methods, whose hash was asked for once. */
    private static final class Trusted {

        private final Object value;

        private final int hash;

        private Trusted(Object value) {
            this.value = value;
            this.hash = value.hashCode();
        }

        @Override
        public int hashCode() {
            return hash;
        }

        @Override
        public boolean equals(@Nullable Object other) {
            if (!(other instanceof Trusted that) || that.hash != hash || that.value.getClass() != value.getClass()) {
                return false;
            }
            try {
                return value.equals(that.value);
            } catch (Exception | Error e) {
                if (isOfJvm(e)) {
                    throw (Error) e;
                }
                return false;
            }
        }
    }

    private final Set<Class<?>> warned = ConcurrentHashMap.newKeySet();

    private final BiConsumer<Class<?>, @Nullable Throwable> warning;

    /**
     * Makes contents.
     *
     * @param warning is told once of each class whose keys, or parts of keys, cannot be compared, and what their methods
     *     threw, if that is why
     */
    public KeyContent(BiConsumer<Class<?>, @Nullable Throwable> warning) {
        this.warning = warning;
    }

    /** What a key holds; null if it cannot be compared. Throws nothing of the key's. */
    public @Nullable Object of(Object key) {
        try {
            return content(key, 0);
        } catch (Incomparable e) {
            warn(e.type, null);
        } catch (Exception | Error e) {
            if (isOfJvm(e)) {
                throw (Error) e;
            }
            warn(key.getClass(), e);
        }
        return null;
    }

    private static boolean isOfJvm(Throwable thrown) {
        return thrown instanceof VirtualMachineError && !(thrown instanceof StackOverflowError);
    }

    private void warn(Class<?> type, @Nullable Throwable cause) {
        if (warned.add(type)) {
            warning.accept(type, cause);
        }
    }

    private static @Nullable Object content(@Nullable Object value, int depth) throws IllegalAccessException {
        if (value == null || KeyHash.isImmutable(value)) {
            return value;
        }
        Class<?> type = value.getClass();
        if (depth > KeyHash.DEEPEST) {
            throw new Incomparable(type);
        }
        if (value instanceof byte[] bytes) {
            return ByteBuffer.wrap(bytes.clone());
        }
        if (value instanceof ByteBuffer buffer) {
            return List.of(ByteBuffer.class, ByteBuffer.wrap(copy(buffer)));
        }
        if (type.isArray()) {
            List<@Nullable Object> parts = startedWith(type);
            for (int at = 0; at < Array.getLength(value); at++) {
                parts.add(content(Array.get(value, at), depth + 1));
            }
            return parts;
        }
        // Only of the JDK's own classes: another one may hold more than its elements.
        return type.getName().startsWith("java.") ? ofJdk(value, type, depth) : ofObject(value, type, depth);
    }

    private static Object ofJdk(Object value, Class<?> type, int depth) throws IllegalAccessException {
        if (value instanceof List<?> list) {
            return inOrder(List.class, list, depth);
        }
        if (value instanceof Set<?> set) {
            return inNoOrder(Set.class, set, depth);
        }
        if (value instanceof Collection<?> elements) {
            return inOrder(type, elements, depth);
        }
        if (value instanceof Map<?, ?> map) {
            return inNoOrder(Map.class, map.entrySet(), depth);
        }
        if (value instanceof Map.Entry<?, ?> entry) {
            List<@Nullable Object> parts = startedWith(Map.Entry.class);
            parts.add(content(entry.getKey(), depth + 1));
            parts.add(content(entry.getValue(), depth + 1));
            return parts;
        }
        if (value instanceof Optional<?> optional) {
            List<@Nullable Object> parts = startedWith(Optional.class);
            parts.add(content(optional.orElse(null), depth + 1));
            return parts;
        }
        return ofObject(value, type, depth);
    }

    private static Object ofObject(Object value, Class<?> type, int depth) throws IllegalAccessException {
        if (!KeyHash.isComparable(type)) {
            throw new Incomparable(type);
        }
        Field[] fields = KeyHash.contentOf(type);
        if (fields == null) {
            Trusted trusted = new Trusted(value);
            if (trusted.hash == System.identityHashCode(value)) {
                throw new Incomparable(type); // its methods are those of Object after all
            }
            return trusted;
        }
        if (fields.length == 0 || !WHOLE.get(type)) {
            throw new Incomparable(type);
        }
        List<@Nullable Object> parts = startedWith(type);
        for (Field field : fields) {
            parts.add(content(field.get(value), depth + 1));
        }
        return parts;
    }

    private static List<@Nullable Object> startedWith(Class<?> type) {
        List<@Nullable Object> parts = new ArrayList<>();
        parts.add(type);
        return parts;
    }

    private static List<@Nullable Object> inOrder(Class<?> type, Collection<?> elements, int depth)
            throws IllegalAccessException {
        List<@Nullable Object> parts = startedWith(type);
        for (Object element : elements) {
            parts.add(content(element, depth + 1));
        }
        return parts;
    }

    /** How often each content is there: what differs by identity may hold the same. */
    private static List<Object> inNoOrder(Class<?> type, Collection<?> elements, int depth)
            throws IllegalAccessException {
        Map<@Nullable Object, Integer> parts = new HashMap<>();
        for (Object element : elements) {
            parts.merge(content(element, depth + 1), 1, Integer::sum);
        }
        return List.of(type, parts);
    }

    /** What is left in a buffer, whose position stays. */
    public static byte[] copy(ByteBuffer buffer) {
        ByteBuffer read = buffer.duplicate();
        byte[] bytes = new byte[read.remaining()];
        read.get(bytes);
        return bytes;
    }

    static boolean isWhole(Class<?> type) {
        for (Class<?> at = type; at != null && at != Object.class && at != Record.class; at = at.getSuperclass()) {
            if (KeyHash.isTrusted(at) || hasHidden(at)) {
                return false;
            }
        }
        return true;
    }

    private static boolean hasHidden(Class<?> type) {
        Field[] fields = type.getDeclaredFields();
        if (fields.length == 0 && IN_NATIVE_IMAGE) {
            return true; // it has none, or there is no hint for them
        }
        for (Field field : fields) {
            if (Modifier.isTransient(field.getModifiers()) && !Modifier.isStatic(field.getModifiers())) {
                return true;
            }
        }
        return false;
    }
}
