package io.github.kafkabackpressure.progress;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.Field;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntFunction;
import java.util.stream.Stream;
import org.apache.kafka.common.utils.Bytes;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class KeyHashTests {

    private final Map<Class<?>, Throwable> warnings = new LinkedHashMap<>();

    private final KeyHash hash = new KeyHash((type, cause) -> warnings.put(type, cause));

    /** Two deserializations of each key, and of another one. */
    static Stream<Arguments> keys() {
        return Stream.<IntFunction<Object>>of(
                        String::valueOf,
                        id -> id,
                        id -> (long) id,
                        id -> new byte[] {1, 2, 3, 4, 5, 6, 7, 8, 9, (byte) id},
                        id -> new int[] {id},
                        id -> Bytes.wrap(new byte[] {(byte) id}),
                        id -> ByteBuffer.wrap(new byte[] {(byte) id}),
                        id -> new UUID(7, id),
                        id -> TimeUnit.values()[id],
                        id -> new Order("customer " + id),
                        id -> new Id(new byte[] {(byte) id}),
                        id -> new Nested(List.of(new Id(new byte[] {(byte) id})), Map.of("id", new long[] {id})),
                        id -> new ByIdentity(new byte[] {(byte) id}),
                        id -> new Holder(new ByIdentity(new byte[] {(byte) id})),
                        List::of,
                        id -> List.of(new byte[] {(byte) id}),
                        id -> Map.of(id, new byte[] {(byte) id}),
                        id -> Optional.of(new byte[] {(byte) id}),
                        id -> Map.entry(id, new byte[] {(byte) id}),
                        id -> new kotlin.Pair<>(new byte[] {(byte) id}, "text"),
                        id -> new byte[][] {{1}, {(byte) id}},
                        id -> new Object[] {new int[][] {{id}, {}}, "text", null},
                        id -> new Mixed(ByteBuffer.wrap(new byte[] {1, (byte) id}), TimeUnit.values()[id]),
                        id -> TimeUnitWithBody.values()[id])
                .map(key -> Arguments.of(key.apply(1), key.apply(1), key.apply(2)));
    }

    @ParameterizedTest
    @MethodSource("keys")
    void keysOfEqualBytesHaveEqualHashesAndOthersDoNot(Object key, Object same, Object other) {
        assertThat(hash.of(key)).isEqualTo(hash.of(same));
        assertThat(hash.of(key)).isNotEqualTo(hash.of(other));
        assertThat(warnings).isEmpty();
    }

    /** Of the bytes on the wire, whatever {@code equals} says. */
    record Id(byte[] id) {}

    record Mixed(ByteBuffer bytes, TimeUnit unit) {}

    /** Each of which is of a class of its own. */
    enum TimeUnitWithBody {
        ZERO {},
        ONE {},
        TWO {}
    }

    record Nested(List<Id> ids, Map<String, long[]> more) {}

    /** As a data class of Kotlin's is. */
    static final class ByIdentity {

        private final byte[] id;

        ByIdentity(byte[] id) {
            this.id = id;
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof ByIdentity that && that.id == id;
        }

        @Override
        public int hashCode() {
            return Objects.hash(id);
        }
    }

    static final class Holder {

        private final ByIdentity held;

        Holder(ByIdentity held) {
            this.held = held;
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Holder that && that.held.equals(held);
        }

        @Override
        public int hashCode() {
            return held.hashCode();
        }
    }

    /** Pairs of keys that hold the same in another order, which makes them others. */
    static Stream<Arguments> reordered() {
        return Stream.of(
                Arguments.of(new int[] {1, 2}, new int[] {2, 1}),
                Arguments.of(List.of("a", 2), List.of(2, "a")),
                Arguments.of(Map.of(1, 2), Map.of(2, 1)),
                Arguments.of(
                        Map.of(1, new byte[] {1}, 2, new byte[] {2}), Map.of(1, new byte[] {2}, 2, new byte[] {1})),
                Arguments.of(Map.entry(1, 2), Map.entry(2, 1)),
                Arguments.of(Set.of(1, 4), Set.of(2, 3)),
                Arguments.of(new Two(1, 2), new Two(2, 1)),
                Arguments.of(new Two(1, 2), new OtherTwo(1, 2)));
    }

    record Two(int first, int second) {}

    record OtherTwo(int first, int second) {}

    @ParameterizedTest
    @MethodSource("reordered")
    void keysThatHoldTheSameInAnotherOrderOrClassHaveOtherHashes(Object key, Object other) {
        assertThat(hash.of(key)).isNotEqualTo(hash.of(other));
    }

    @Test
    void theOrderOfASetMakesNoDifference() {
        Set<Object> one = new LinkedHashSet<>(List.of("a", "b", 3));
        Set<Object> other = new LinkedHashSet<>(List.of(3, "b", "a"));
        assertThat(hash.of(one)).isEqualTo(hash.of(other));
        assertThat(hash.of(one)).isNotEqualTo(hash.of(new LinkedHashSet<>(List.of("a", "b"))));
        assertThat(hash.of(one)).isNotEqualTo(hash.of(new LinkedHashSet<>(List.of("a", "b", 4))));
    }

    /** Only of what cannot go by identity; and it may hold its like. */
    static class TrustedAll {

        int number;

        String text;

        TimeUnit unit;

        UUID id;

        Bytes bytes;

        TrustedAll next;

        transient byte[] cached;

        static Object shared;

        @Override
        public boolean equals(Object other) {
            return other instanceof TrustedAll that && that.number == number;
        }

        @Override
        public int hashCode() {
            return number;
        }
    }

    static class OfRecord extends TrustedAll {

        Order order;
    }

    static class OfArray extends TrustedAll {

        int[] array;
    }

    static class OfInterface extends TrustedAll {

        CharSequence chars;
    }

    static class OfObject extends TrustedAll {

        Object any;
    }

    static class OfCollection extends TrustedAll {

        ArrayList<String> all;
    }

    static class OfMap extends TrustedAll {

        LinkedHashMap<String, String> all;
    }

    static class OfIncomparable extends TrustedAll {

        AtomicLong count;
    }

    static class OfArrayBelow extends TrustedAll {

        OfArray held;
    }

    static class BelowArray extends OfArray {}

    static class OfPlainArray {

        static Object shared;

        int[] array;
    }

    private static List<String> fieldsOf(Class<?> type) {
        Field[] fields = KeyHash.contentOf(type);
        return fields == null ? null : Stream.of(fields).map(Field::getName).toList();
    }

    @Test
    void aClassIsTrustedWithItsHashCodeUnlessSomethingInItMayGoByIdentity() {
        assertThat(fieldsOf(Holder.class)).containsExactly("held");
        assertThat(fieldsOf(Bytes.class)).isNull();
        assertThat(fieldsOf(TrustedAll.class)).isNull();
        assertThat(fieldsOf(TrustedBelow.class)).isNull();
        for (Class<?> type : List.of(
                OfRecord.class,
                OfArray.class,
                OfInterface.class,
                OfObject.class,
                OfCollection.class,
                OfMap.class,
                OfIncomparable.class,
                OfArrayBelow.class,
                BelowArray.class)) {
            assertThat(fieldsOf(type))
                    .as(type.getSimpleName())
                    .contains("number")
                    .doesNotContain("shared", "cached");
            assertThat(KeyHash.mayGoByIdentity(type, new HashSet<>())).isTrue(); // as what is known stays known
        }
        for (Class<?> type : List.of(TrustedAll.class, TrustedBelow.class, Bytes.class, TimeUnit.class)) {
            assertThat(KeyHash.mayGoByIdentity(type, new HashSet<>())).isFalse();
        }
        assertThat(KeyHash.declaredFields(BelowArray.class))
                .extracting(Field::getName)
                .containsExactlyInAnyOrder("array", "number", "text", "unit", "id", "bytes", "next");
        assertThat(KeyHash.declaredFields(Bytes.class)).isEmpty();
        assertThat(List.of(TrustedAll.class, Order.class, Bytes.class, LikeObject.class))
                .allMatch(KeyHash::hasOwnMethods)
                .allMatch(KeyHash::isComparable);
        assertThat(List.of(OnlyEquals.class, OnlyHashCode.class, Object.class, AtomicLong.class))
                .noneMatch(KeyHash::hasOwnMethods)
                .noneMatch(KeyHash::isComparable);
    }

    static class TrustedBelow extends TrustedAll {

        TrustedAll held;
    }

    @Test
    void classesOfTheJdkAndOfLibrariesThatHashContentAreTrusted() {
        assertThat(List.of(UUID.class, javax.security.auth.x500.X500Principal.class, Bytes.class))
                .allMatch(KeyHash::isTrusted);
        assertThat(List.of(Order.class, OfArray.class, kotlin.Pair.class, org.springframework.util.MimeType.class))
                .noneMatch(KeyHash::isTrusted);
    }

    /** Texts whose {@code hashCode()} is the same for all, as an attacker would choose them. */
    @Test
    void textsOfOneHashCodeHaveHashesOfTheirOwn() {
        Set<Integer> hashes = new HashSet<>();
        for (int bits = 0; bits < 4096; bits++) {
            StringBuilder text = new StringBuilder();
            for (int bit = 0; bit < 12; bit++) {
                text.append((bits >> bit & 1) == 0 ? "Aa" : "BB");
            }
            assertThat(text.toString().hashCode()).isEqualTo("AaAaAaAaAaAaAaAaAaAaAaAa".hashCode());
            hashes.add(hash.of(text.toString()));
        }
        assertThat(hashes).hasSizeGreaterThan(4090);
    }

    static class Failing {

        @Override
        public boolean equals(Object other) {
            throw new IllegalStateException("not comparable");
        }

        @Override
        public int hashCode() {
            throw new IllegalStateException("not hashable");
        }
    }

    static final class FailingWithAnError extends Failing {

        @Override
        public int hashCode() {
            return hashCode() + 1; // until the stack is full
        }
    }

    static final class FailingWithAnErrorOfItsOwn extends Failing {

        @Override
        public int hashCode() {
            throw new Error("an error of the key's own");
        }
    }

    @Test
    void whateverAKeysMethodsThrowItHasAHash() {
        assertThat(hash.of(new FailingWithAnErrorOfItsOwn())).isEqualTo(hash.of(new Failing()));
        assertThat(hash.of(List.of(new FailingWithAnErrorOfItsOwn()))).isEqualTo(hash.of(new Failing()));
        assertThat(warnings.get(FailingWithAnErrorOfItsOwn.class)).hasMessage("an error of the key's own");
    }

    /** A part of a key that has no {@code equals}, whose own hash is another one each time. */
    static final class Part {

        private final long id;

        Part(long id) {
            this.id = id;
        }

        @Override
        public String toString() {
            return "part " + id;
        }
    }

    record OfPart(Part part, AtomicLong count, StringBuilder text) {}

    @Test
    void partsOfAKeyThatCannotBeComparedMakeNoDifference() {
        OfPart key = new OfPart(new Part(1), new AtomicLong(1), new StringBuilder("a"));
        OfPart same = new OfPart(new Part(1), new AtomicLong(1), new StringBuilder("a"));
        assertThat(hash.of(key)).isEqualTo(hash.of(same));
        assertThat(hash.of(List.of(key.part()))).isEqualTo(hash.of(List.of(same.part())));
        assertThat(warnings).containsOnlyKeys(Part.class, AtomicLong.class, StringBuilder.class);
    }

    /** A class with both methods, of which one asks a part that has neither. */
    static final class WithPart {

        private final String id;

        private final Part part;

        private final AtomicLong count = new AtomicLong();

        WithPart(String id, Part part) {
            this.id = id;
            this.part = part;
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof WithPart that && that.id.equals(id) && that.part.equals(part);
        }

        @Override
        public int hashCode() {
            return Objects.hash(id, part, count);
        }
    }

    @Test
    void aKeyWhoseMethodsAskAPartThatCannotBeComparedGoesByItsOtherParts() {
        int a = hash.of(new WithPart("a", new Part(1)));
        assertThat(hash.of(new WithPart("a", new Part(1)))).isEqualTo(a);
        assertThat(hash.of(new WithPart("b", new Part(1)))).isNotEqualTo(a);
        assertThat(warnings).containsOnlyKeys(Part.class, AtomicLong.class);
    }

    /** Declares both methods, which say what those of {@code Object} do. */
    static final class LikeObject {

        private final String id;

        LikeObject(String id) {
            this.id = id;
        }

        @Override
        public boolean equals(Object other) {
            return super.equals(other);
        }

        @Override
        public int hashCode() {
            return super.hashCode();
        }

        @Override
        public String toString() {
            return id;
        }
    }

    @Test
    void keysWhoseMethodsAreThoseOfObjectAfterAllShareALane() {
        assertThat(hash.of(new LikeObject("a"))).isEqualTo(hash.of(new LikeObject("b")));
        assertThat(hash.of(List.of(new LikeObject("a")))).isEqualTo(hash.of(List.of(new LikeObject("a"))));
        assertThat(warnings).containsOnlyKeys(LikeObject.class);
    }

    @Test
    void keysThatCannotBeHashedShareALaneAndAreWarnedOfOnce() {
        assertThat(hash.of(new Failing())).isEqualTo(hash.of(new Failing()));
        assertThat(hash.of(new FailingWithAnError())).isEqualTo(hash.of(new Failing()));

        assertThat(warnings).containsOnlyKeys(Failing.class, FailingWithAnError.class);
        assertThat(warnings.get(Failing.class)).hasMessage("not hashable");
    }

    @Test
    void aKeyThatHoldsItselfHasAHash() {
        List<Object> loop = new ArrayList<>();
        loop.add(loop);
        assertThat(hash.of(loop)).isEqualTo(hash.of(loop));
    }

    record Order(String customer) {}

    static final class OnlyHashCode {

        @Override
        public int hashCode() {
            return 1;
        }
    }

    static final class OnlyEquals {

        @Override
        public boolean equals(Object other) {
            return other instanceof OnlyEquals;
        }
    }

    @Test
    void keysThatCannotBeComparedShareALane() {
        assertThat(hash.of(new OnlyEquals())).isEqualTo(hash.of(new Object()));
        assertThat(warnings).containsOnlyKeys(OnlyEquals.class, Object.class);
    }

    /** A part of a signature that is missing at run time. */
    public static final class Missing {}

    /** A key whose methods cannot be looked at without {@link Missing}. */
    public static final class Unknowable {

        /** What nobody calls. */
        public Missing missing() {
            return new Missing();
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Unknowable;
        }

        @Override
        public int hashCode() {
            return 1;
        }
    }

    /** As in a native image that was not told of the class: order is kept, at the price of concurrency. */
    @Test
    void keysWhoseMethodsAreNotKnownShareALane() throws Exception {
        ClassLoader withoutMissing = new ClassLoader(getClass().getClassLoader()) {
            @Override
            protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
                if (name.equals(Missing.class.getName())) {
                    throw new ClassNotFoundException(name);
                }
                return name.equals(Unknowable.class.getName()) ? own(name) : super.loadClass(name, resolve);
            }

            private Class<?> own(String name) throws ClassNotFoundException {
                Class<?> loaded = findLoadedClass(name);
                if (loaded != null) {
                    return loaded;
                }
                try (InputStream in = getResourceAsStream(name.replace('.', '/') + ".class")) {
                    byte[] bytes = in.readAllBytes();
                    return defineClass(name, bytes, 0, bytes.length);
                } catch (IOException e) {
                    throw new ClassNotFoundException(name, e);
                }
            }
        };
        Object key = withoutMissing
                .loadClass(Unknowable.class.getName())
                .getDeclaredConstructor()
                .newInstance();
        assertThat(hash.of(key)).isEqualTo(hash.of(new Object()));
    }
}
