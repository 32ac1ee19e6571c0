package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.utils.Bytes;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class RecordTaskTests {

    private static Object lane(Object key) {
        return new RecordTask(new ConsumerRecord<>("topic", 0, 0, key, "value"), null, 0, 0).laneKey();
    }

    record Order(String customer) {}

    static Stream<Object> comparable() {
        return Stream.of(
                "text",
                1L,
                new byte[] {1},
                Bytes.wrap(new byte[] {1}),
                ByteBuffer.wrap(new byte[] {1}),
                UUID.randomUUID(),
                TimeUnit.DAYS,
                new Order("me"),
                List.of(1));
    }

    @ParameterizedTest
    @MethodSource("comparable")
    void keysThatCanBeComparedHaveLanesOfTheirOwn(Object key) {
        assertThat(lane(key)).isSameAs(key);
    }

    static final class OnlyEquals {

        @Override
        public boolean equals(Object other) {
            return other instanceof OnlyEquals;
        }
    }

    @Test
    void keysThatCannotBeComparedShareALane() {
        assertThat(lane(new Object())).isSameAs(lane(new int[] {1}));
        assertThat(lane(new OnlyEquals())).isSameAs(lane(new Object()));
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
        assertThat(lane(key)).isSameAs(lane(new Object()));
    }
}
