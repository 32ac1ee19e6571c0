package io.github.kafkabackpressure.rate;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class SlidingWindowLimiterTests {

    private final AtomicLong now = new AtomicLong(-50);

    @Test
    void saysHowLongUntilThereIsRoom() {
        SlidingWindowLimiter limiter = new SlidingWindowLimiter(2, 100, now::get);
        assertThat(limiter.tryAcquire()).isZero();
        now.addAndGet(30);
        assertThat(limiter.tryAcquire()).isZero();
        assertThat(limiter.tryAcquire()).isEqualTo(70);
        now.addAndGet(70);
        assertThat(limiter.tryAcquire()).isZero();
        assertThat(limiter.tryAcquire()).isEqualTo(30);
    }

    @Test
    void noWindowEverHoldsMoreThanTheLimitWhereverItBegins() {
        SlidingWindowLimiter limiter = new SlidingWindowLimiter(5, 100, now::get);
        Random random = new Random(7);
        List<Long> admitted = new ArrayList<>();
        for (int i = 0; i < 5000; i++) {
            now.addAndGet(random.nextInt(25));
            if (limiter.tryAcquire() == 0) {
                admitted.add(now.get());
            }
        }
        assertThat(admitted).hasSizeGreaterThan(1000);
        for (int i = 5; i < admitted.size(); i++) {
            assertThat(admitted.get(i) - admitted.get(i - 5)).isGreaterThanOrEqualTo(100);
        }
    }
}
