package io.github.kafkabackpressure.progress;

import java.util.concurrent.ThreadLocalRandom;

/**
 * A hash of texts and bytes that nobody can choose collisions for who does not know this JVM's secret: SipHash-1-3, by
 * Aumasson and Bernstein.
 *
 * <p>Threading: one for each hash, by one thread.
 */
final class KeyedHash {

    private static final long SECRET_0 = ThreadLocalRandom.current().nextLong();

    private static final long SECRET_1 = ThreadLocalRandom.current().nextLong();

    private long v0;

    private long v1;

    private long v2;

    private long v3;

    KeyedHash(long secret0, long secret1) {
        this.v0 = secret0 ^ 0x736f6d6570736575L;
        this.v1 = secret1 ^ 0x646f72616e646f6dL;
        this.v2 = secret0 ^ 0x6c7967656e657261L;
        this.v3 = secret1 ^ 0x7465646279746573L;
    }

    static int of(String text) {
        return new KeyedHash(SECRET_0, SECRET_1).hash(text);
    }

    static int of(byte[] bytes) {
        return new KeyedHash(SECRET_0, SECRET_1).hash(bytes);
    }

    int hash(String text) {
        int length = text.length();
        long word = 0;
        for (int at = 0; at < length; at++) {
            word = (word << 16) | text.charAt(at);
            if ((at & 3) == 3) {
                add(word);
                word = 0;
            }
        }
        add(word);
        return end(length);
    }

    int hash(byte[] bytes) {
        long word = 0;
        for (int at = 0; at < bytes.length; at++) {
            word = (word << 8) | (bytes[at] & 0xff);
            if ((at & 7) == 7) {
                add(word);
                word = 0;
            }
        }
        add(word);
        return end(bytes.length);
    }

    private void add(long word) {
        v3 ^= word;
        round();
        v0 ^= word;
    }

    private int end(int length) {
        add(length);
        v2 ^= 0xff;
        round();
        round();
        round();
        long hash = v0 ^ v1 ^ v2 ^ v3;
        return (int) (hash ^ (hash >>> 32));
    }

    private void round() {
        v0 += v1;
        v1 = Long.rotateLeft(v1, 13) ^ v0;
        v0 = Long.rotateLeft(v0, 32);
        v2 += v3;
        v3 = Long.rotateLeft(v3, 16) ^ v2;
        v0 += v3;
        v3 = Long.rotateLeft(v3, 21) ^ v0;
        v2 += v1;
        v1 = Long.rotateLeft(v1, 17) ^ v2;
        v2 = Long.rotateLeft(v2, 32);
    }
}
