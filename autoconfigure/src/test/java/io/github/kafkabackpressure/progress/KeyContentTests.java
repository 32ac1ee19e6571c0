package io.github.kafkabackpressure.progress;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.util.AbstractCollection;
import java.util.ArrayList;
import java.util.Date;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class KeyContentTests {

    private final Map<Class<?>, Throwable> warnings = new LinkedHashMap<>();

    private final KeyContent contents = new KeyContent((type, cause) -> warnings.put(type, cause));

    static Stream<Arguments> keys() {
        return KeyHashTests.keys();
    }

    @ParameterizedTest
    @MethodSource("keys")
    void keysOfEqualBytesHaveEqualContentsAndOthersDoNot(Object key, Object same, Object other) {
        assertThat(contents.of(key)).isEqualTo(contents.of(same)).hasSameHashCodeAs(contents.of(same));
        assertThat(contents.of(key)).isNotEqualTo(contents.of(other));
        assertThat(warnings).isEmpty();
    }

    @Test
    void elementsThatDifferByIdentityOnlyAreCounted() {
        Set<Object> one = new HashSet<>();
        one.add(new byte[] {1});
        Set<Object> two = new HashSet<>(one);
        two.add(new byte[] {1});

        assertThat(contents.of(one)).isNotEqualTo(contents.of(two));
    }

    @Test
    void aContentDoesNotChangeWithItsKey() {
        byte[] bytes = {1};
        Object before = contents.of(List.of(bytes));
        bytes[0] = 2;

        assertThat(before).isEqualTo(contents.of(List.of(new byte[] {1})));
    }

    /** Its fields are not all of it, or may not count. */
    static final class Dated extends Date {

        private static final long serialVersionUID = 1;

        private final byte[] id;

        Dated(long time, byte[] id) {
            super(time);
            this.id = id;
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Dated that && that.id == id && super.equals(other);
        }

        @Override
        public int hashCode() {
            return super.hashCode();
        }
    }

    static final class WithTransient {

        private final byte[] id;

        private final transient int half;

        WithTransient(byte[] id, int half) {
            this.id = id;
            this.half = half;
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof WithTransient that && that.id == id && that.half == half;
        }

        @Override
        public int hashCode() {
            return half;
        }
    }

    /** Holds more than its elements. */
    static final class OfTenant extends ArrayList<String> {

        private static final long serialVersionUID = 1;

        private final String tenant;

        OfTenant(String tenant) {
            super(List.of("a", "b"));
            this.tenant = tenant;
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof OfTenant that && that.tenant.equals(tenant) && super.equals(other);
        }

        @Override
        public int hashCode() {
            return tenant.hashCode();
        }
    }

    @Test
    void aListThatHoldsMoreThanItsElementsIsComparedByItsOwnMethods() {
        assertThat(contents.of(new OfTenant("one"))).isNotNull().isEqualTo(contents.of(new OfTenant("one")));
        assertThat(contents.of(new OfTenant("one"))).isNotEqualTo(contents.of(new OfTenant("two")));
    }

    /** As a class of Kotlin that is a list by another one, and has no methods of its own. */
    static final class ByAnother extends AbstractCollection<String> {

        private final List<String> held = List.of("a");

        @Override
        public Iterator<String> iterator() {
            return held.iterator();
        }

        @Override
        public int size() {
            return held.size();
        }
    }

    static Stream<Arguments> ofOtherKinds() {
        return Stream.of(
                Arguments.of(Set.of(), Map.of()),
                Arguments.of(Set.of(Map.entry(1, 2)), Map.of(1, 2)),
                Arguments.of(List.of(1), Set.of(1)),
                Arguments.of(new byte[] {1}, ByteBuffer.wrap(new byte[] {1})),
                Arguments.of(List.of(1), new Object[] {1}));
    }

    @ParameterizedTest
    @MethodSource("ofOtherKinds")
    void keysOfOtherKindsHaveOtherContents(Object key, Object other) {
        assertThat(contents.of(key)).isNotNull().isNotEqualTo(contents.of(other));
    }

    @Test
    void aClassIsWholeIfAllOfItIsInItsFields() {
        assertThat(List.of(KeyHashTests.Order.class, KeyHashTests.Holder.class, KeyHashTests.OfPlainArray.class))
                .allMatch(KeyContent::isWhole);
        assertThat(List.of(Dated.class, WithTransient.class, BelowTransient.class, OfTenant.class, Date.class))
                .noneMatch(KeyContent::isWhole);
    }

    static class Below {

        transient int half;
    }

    static final class BelowTransient extends Below {

        int whole;
    }

    /** As each record is in a native image without a hint for its class. */
    record Empty() {}

    private static List<Object> loop() {
        List<Object> loop = new ArrayList<>();
        loop.add(loop);
        return loop;
    }

    static Stream<Object> incomparable() {
        return Stream.of(
                new Object(),
                List.of("text", new Object()),
                new Dated(1, new byte[] {1}),
                new WithTransient(new byte[] {1}, 1),
                loop(),
                new Empty(),
                new ByAnother(),
                new Thread());
    }

    @ParameterizedTest
    @MethodSource("incomparable")
    void whatMightDifferInWhatCannotBeSeenHasNoContent(Object key) {
        assertThat(contents.of(key)).isNull();
        assertThat(warnings).hasSize(1);
    }
}
