package io.github.kafkabackpressure.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class KeysTests {

    private static final int DRAWS = 100_000;

    @Test
    void drawsEveryUniformKeyAboutAsOften() {
        Map<String, Integer> counts = counts(new Keys(10, TopicSpec.Distribution.UNIFORM));

        assertThat(counts).hasSize(10);
        assertThat(counts.values()).allSatisfy(count -> assertThat(count).isCloseTo(DRAWS / 10, within(500)));
    }

    @Test
    void drawsTheFirstZipfKeyTwiceAsOftenAsTheSecond() {
        Map<String, Integer> counts = counts(new Keys(1000, TopicSpec.Distribution.ZIPF));

        // The harmonic number of 1,000 is 7.485.
        assertThat(counts.get("key-0")).isCloseTo((int) (DRAWS / 7.485), within(500));
        assertThat(counts.get("key-1")).isCloseTo((int) (DRAWS / 7.485 / 2), within(500));
    }

    private static Map<String, Integer> counts(Keys keys) {
        Map<String, Integer> counts = new HashMap<>();
        for (int i = 0; i < DRAWS; i++) {
            counts.merge(keys.next(), 1, Integer::sum);
        }
        return counts;
    }
}
