package io.github.kafkabackpressure.progress;

import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * A hash of a record's key by what was on the wire: keys that were deserialized from equal bytes have equal hashes. It
 * goes by the key's content where the key's own {@code hashCode()} may go by identity: in arrays, in records and other
 * classes that hold arrays, and in collections of such. A key that cannot be hashed, because its class has no
 * {@code equals} and {@code hashCode} or because they fail, has the hash of all such keys; a part of a key that has neither
 * makes no difference.
 *
 * <p>Threading: safe for all.
 */
public final class KeyHash {

    private static final int NO_KEY = 0;

    /** That of all keys that cannot be told apart. */
    private static final int INDISTINGUISHABLE = 1;

    private static final int SECRET = ThreadLocalRandom.current().nextInt();

    private static final int SECRET_FACTOR = ThreadLocalRandom.current().nextInt() | 1;

    /** Deeper than any key that is not a loop. */
    static final int DEEPEST = 16;

    /** The classes whose objects cannot change; all but text, which an outsider may choose. */
    private static final Set<Class<?>> IMMUTABLE = Set.of(
            String.class,
            Integer.class,
            Long.class,
            Short.class,
            Byte.class,
            Character.class,
            Boolean.class,
            Double.class,
            Float.class,
            java.util.UUID.class);

    /** The fields of classes that are hashed by content; null for one that is trusted with its {@code hashCode()}. */
    private static final ClassValue<Field @Nullable []> CONTENT = new ClassValue<>() {
        @Override
        protected Field @Nullable [] computeValue(Class<?> type) {
            return mayGoByIdentity(type, new HashSet<>()) ? fields(type) : null;
        }
    };

    private static final ClassValue<Boolean> COMPARABLE = new ClassValue<>() {
        @Override
        protected Boolean computeValue(Class<?> type) {
            return hasOwnMethods(type);
        }
    };

    private final Set<Class<?>> warned = ConcurrentHashMap.newKeySet();

    private final BiConsumer<Class<?>, @Nullable Throwable> warning;

    /**
     * Makes hashes.
     *
     * @param warning is told once of each class whose keys, or parts of keys, cannot be told apart, and what their methods threw, if that is
     *     why
     */
    public KeyHash(BiConsumer<Class<?>, @Nullable Throwable> warning) {
        this.warning = warning;
    }

    /** Whether an object cannot change, so that it may be hashed at any time. */
    public static boolean isImmutable(@Nullable Object key) {
        return key == null || IMMUTABLE.contains(key.getClass()) || key instanceof Enum;
    }

    /** The hash of a key. Throws nothing of the key's. */
    public int of(@Nullable Object key) {
        if (key == null) {
            return NO_KEY;
        }
        if (key instanceof String text) {
            return KeyedHash.of(text);
        }
        if (key instanceof byte[] bytes) {
            return KeyedHash.of(bytes);
        }
        try {
            if (isImmutable(key)) {
                return mixed(key.hashCode());
            }
            if (key.getClass().isArray() || COMPARABLE.get(key.getClass())) {
                return mixed(content(key, 0));
            }
            warn(key.getClass(), null);
        } catch (Exception | Error e) {
            if (e instanceof VirtualMachineError && !(e instanceof StackOverflowError)) {
                throw (Error) e; // not the key's doing
            }
            warn(key.getClass(), e);
        }
        return INDISTINGUISHABLE;
    }

    /** Whether a class has its own {@code equals} and {@code hashCode}. */
    static boolean isComparable(Class<?> type) {
        return COMPARABLE.get(type);
    }

    /** The fields by which a class's objects are compared; null for one that is trusted with its own methods. */
    static Field @Nullable [] contentOf(Class<?> type) {
        return CONTENT.get(type);
    }

    private void warn(Class<?> type, @Nullable Throwable cause) {
        if (warned.add(type)) {
            warning.accept(type, cause);
        }
    }

    private int content(@Nullable Object value, int depth) throws IllegalAccessException {
        if (value == null) {
            return NO_KEY;
        }
        if (depth > DEEPEST) {
            return INDISTINGUISHABLE; // what lies deeper makes no difference
        }
        if (value instanceof String text) {
            return KeyedHash.of(text);
        }
        if (value instanceof byte[] bytes) {
            return KeyedHash.of(bytes);
        }
        if (isImmutable(value)) {
            return value.hashCode();
        }
        if (value.getClass().isArray()) {
            int hash = 1;
            for (int at = 0; at < Array.getLength(value); at++) {
                hash = 31 * hash + content(Array.get(value, at), depth + 1);
            }
            return hash;
        }
        if (value instanceof List<?> list) {
            int hash = 1;
            for (Object element : list) {
                hash = 31 * hash + content(element, depth + 1);
            }
            return hash;
        }
        if (value instanceof Collection<?> elements) {
            int hash = 1;
            for (Object element : elements) {
                hash += mixed(content(element, depth + 1)); // in no order
            }
            return hash;
        }
        if (value instanceof Map<?, ?> map) {
            int hash = 1;
            for (Map.Entry<?, ?> entry : map.entrySet()) {
                hash += mixed(31 * content(entry.getKey(), depth + 1) ^ content(entry.getValue(), depth + 1));
            }
            return hash;
        }
        if (value instanceof Map.Entry<?, ?> entry) {
            return 31 * content(entry.getKey(), depth + 1) ^ content(entry.getValue(), depth + 1);
        }
        if (value instanceof Optional<?> optional) {
            return content(optional.orElse(null), depth + 1);
        }
        if (!COMPARABLE.get(value.getClass())) {
            warn(value.getClass(), null); // its hash would be another one for each record
            return INDISTINGUISHABLE;
        }
        Field[] fields = CONTENT.get(value.getClass());
        if (fields == null) {
            int hash = value.hashCode();
            if (hash == System.identityHashCode(value)) {
                warn(value.getClass(), null); // its methods are those of Object after all
                return INDISTINGUISHABLE;
            }
            return hash;
        }
        int hash = value.getClass().getName().hashCode();
        for (Field field : fields) {
            hash = 31 * hash + content(field.get(value), depth + 1);
        }
        return hash;
    }

    static boolean hasOwnMethods(Class<?> type) {
        try {
            return type.getMethod("equals", Object.class).getDeclaringClass() != Object.class
                    && type.getMethod("hashCode").getDeclaringClass() != Object.class;
        } catch (NoSuchMethodException | LinkageError e) {
            // A native image without a hint for the class. One lane too few keeps the order, one too many does not.
            return false;
        }
    }

    /** Whether a class's own {@code hashCode()} may go by the identity of something in it. */
    static boolean mayGoByIdentity(Class<?> type, Set<Class<?>> seen) {
        if (type.isRecord()) {
            return true;
        }
        if (!seen.add(type)) {
            return false;
        }
        for (Field field : declaredFields(type)) {
            Class<?> of = field.getType();
            if (of.isArray()
                    || of.isInterface()
                    || of == Object.class
                    || Collection.class.isAssignableFrom(of)
                    || Map.class.isAssignableFrom(of)
                    || (!of.isPrimitive()
                            && !of.isEnum()
                            && (!COMPARABLE.get(of) || (!isTrusted(of) && mayGoByIdentity(of, seen))))) {
                return true;
            }
        }
        return false;
    }

    /** The fields that make up an object; none for a class of the JDK or of a library that is known to hash content. */
    static List<Field> declaredFields(Class<?> type) {
        List<Field> fields = new ArrayList<>();
        for (Class<?> at = type; at != null && !isTrusted(at); at = at.getSuperclass()) {
            for (Field field : at.getDeclaredFields()) {
                if (!Modifier.isStatic(field.getModifiers()) && !Modifier.isTransient(field.getModifiers())) {
                    fields.add(field);
                }
            }
        }
        return fields;
    }

    static boolean isTrusted(Class<?> type) {
        String name = type.getName();
        return name.startsWith("java.")
                || name.startsWith("javax.")
                || name.startsWith("org.apache.kafka.")
                || name.startsWith("org.apache.avro.")
                || name.startsWith("com.google.protobuf.")
                || name.startsWith("com.fasterxml.jackson.")
                || name.startsWith("tools.jackson.")
                || isGenerated(type);
    }

    /** Whether Avro or Protobuf generated a class: their keys hash content, and keep caches beside it. */
    private static boolean isGenerated(Class<?> type) {
        for (Class<?> above = type.getSuperclass(); above != null; above = above.getSuperclass()) {
            if (above.getName().startsWith("org.apache.avro.")
                    || above.getName().startsWith("com.google.protobuf.")) {
                return true;
            }
        }
        return false;
    }

    /** The fields of a class, to be read; throws if its module is closed to us. */
    private static Field[] fields(Class<?> type) {
        Field[] fields = declaredFields(type).toArray(Field[]::new);
        for (Field field : fields) {
            field.setAccessible(true);
        }
        return fields;
    }

    /** Nobody who does not know this JVM's secret can choose hashes that collide or lie side by side. */
    private static int mixed(int hash) {
        int mixed = (hash ^ SECRET) * 0x2C1B3C6D;
        return (mixed ^ (mixed >>> 15)) * SECRET_FACTOR;
    }
}
