package io.github.kafkabackpressure.rate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BucketTests {

    private static final long SECOND = 1_000_000_000L;

    /** A monotonic clock may begin anywhere, also just before its overflow. */
    @ParameterizedTest
    @ValueSource(longs = {0, -SECOND, Long.MAX_VALUE - SECOND / 2})
    void aBucketGivesItsBurstAndThenItsRate(long origin) {
        TokenBucket bucket = new TokenBucket(50, 10, true, origin);
        for (int token = 0; token < 10; token++) {
            assertThat(bucket.tryTake(1, origin)).isZero();
        }

        assertThat(bucket.tryTake(1, origin)).isEqualTo(SECOND / 50);
        assertThat(bucket.tryTake(1, origin + SECOND / 50 - 1)).isEqualTo(1);
        assertThat(bucket.tryTake(1, origin + SECOND / 50)).isZero();
        assertThat(bucket.tryTake(3, origin + SECOND / 50)).isEqualTo(3 * SECOND / 50);
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 3, 7, 999_999_937L, 1_000_000_000L})
    void noRateIsEverExceededNorMissedByMoreThanTheTokenThatIsNext(long rate) {
        TokenBucket bucket = new TokenBucket(rate, 5, true, 0);
        long taken = 0;
        long now = 0;
        for (int step = 0; step < 10_000; step++) {
            long wait = bucket.tryTake(1, now);
            taken += wait == 0 ? 1 : 0;
            now += wait;
        }

        double allowed = 5 + rate * (double) now / SECOND;
        assertThat((double) taken).isBetween(allowed - 2, allowed + 0.000_1);
    }

    @Test
    void asManyTokensAsThereAreCanBeTakenAtOnceAndTheRestIsDueInItsTime() {
        TokenBucket bucket = new TokenBucket(1_000_000, 100, true, 0);

        assertThat(bucket.takeUpTo(60, 0)).isEqualTo(60);
        assertThat(bucket.takeUpTo(60, 0)).isEqualTo(40);
        assertThat(bucket.nanosUntil(20, 0)).isEqualTo(20_000);
        assertThat(bucket.takeUpTo(20, 19_999)).isEqualTo(19);
        assertThat(bucket.nanosUntil(1, 19_999)).isEqualTo(1);
        assertThat(bucket.takeUpTo(1, 20_000)).isEqualTo(1);
        assertThat(bucket.tryTake(1, 20_000)).isEqualTo(1_000);
        assertThat(bucket.nanosUntil(1_000, 20_000)).as("until it is full").isEqualTo(100_000);
        assertThat(bucket.nanosUntil(100, 120_000)).isZero();
    }

    @Test
    void aBucketThatRefillsForYearsHoldsNoMoreThanItsBurst() {
        TokenBucket bucket = new TokenBucket(1_000_000_000, TokenBucket.MOST_TOKENS, false, 0);

        assertThat(bucket.tryTake(TokenBucket.MOST_TOKENS, Long.MAX_VALUE - 1)).isZero();
        assertThat(bucket.tryTake(1, Long.MAX_VALUE - 1)).isEqualTo(1);
    }

    @Test
    void aClockThatAnotherThreadHasReadEarlierTakesNothingBack() {
        TokenBucket bucket = new TokenBucket(1, 1, true, SECOND);
        assertThat(bucket.tryTake(1, SECOND)).isZero();

        assertThat(bucket.tryTake(1, SECOND - 5)).isEqualTo(SECOND);
        assertThat(bucket.tryTake(1, 2 * SECOND)).isZero();
    }

    @Test
    void noWindowHoldsMoreThanItsRecords() {
        WindowBucket bucket = new WindowBucket(20, SECOND);
        List<Long> started = new ArrayList<>();
        for (long now = 0; now < 5 * SECOND; now += SECOND / 70) {
            if (bucket.tryTake(1, now) == 0) {
                started.add(now);
            }
        }

        for (long begin : started) {
            assertThat(started.stream().filter(time -> time >= begin && time < begin + SECOND))
                    .hasSizeLessThanOrEqualTo(20);
        }
        assertThat(started).hasSize(100);
    }

    @Test
    void aWindowThatGrowsWhenItsFirstRecordsHaveLeftRemembersTheOthersInTheirOrder() {
        WindowBucket bucket = new WindowBucket(40, SECOND);
        for (int record = 0; record < 10; record++) {
            bucket.tryTake(1, record);
        }
        for (int record = 0; record < 35; record++) {
            assertThat(bucket.tryTake(1, SECOND + 4)).as("five have left").isZero();
        }
        assertThat(bucket.tryTake(1, SECOND + 4))
                .as("the sixth one leaves next")
                .isEqualTo(1);
    }

    @Test
    void aFullWindowSaysWhenItHasAPlace() {
        WindowBucket bucket = new WindowBucket(2, SECOND);
        bucket.tryTake(1, 0);
        bucket.tryTake(1, SECOND / 4);

        assertThat(bucket.tryTake(1, SECOND / 2)).isEqualTo(SECOND / 2);
        assertThat(bucket.tryTake(1, SECOND)).isZero();
        assertThat(bucket.tryTake(1, SECOND)).isEqualTo(SECOND / 4);
    }

    @Test
    void aChangedRateHoldsAtOnceAndBringsNoBurst() {
        TokenBucket bucket = new TokenBucket(1, 100, true, 0);
        bucket.tryTake(100, 0);
        bucket.change(1000, 1000, SECOND / 2); // half a token has come by then
        assertThat(bucket.tryTake(1, SECOND / 2)).isEqualTo(SECOND / 2000);
        assertThat(bucket.tryTake(500, SECOND)).isZero();
        assertThat(bucket.tryTake(1, SECOND)).isEqualTo(SECOND / 2000);

        bucket.change(1, 10, 100 * SECOND); // it was full
        assertThat(bucket.tryTake(10, 100 * SECOND)).isZero();
        assertThat(bucket.tryTake(1, 100 * SECOND)).isEqualTo(SECOND);
    }

    @Test
    void aChangedWindowCountsWhatWasStartedBefore() {
        WindowBucket bucket = new WindowBucket(100, SECOND);
        for (int i = 0; i < 100; i++) {
            assertThat(bucket.tryTake(1, i)).isZero();
        }
        bucket.change(3, SECOND);
        assertThat(bucket.tryTake(1, 200)).isEqualTo(97 + SECOND - 200); // when but two of the hundred are left
        assertThat(bucket.tryTake(1, 97 + SECOND)).isZero();
        assertThat(bucket.tryTake(1, 97 + SECOND)).isEqualTo(1);

        bucket.change(1000, 10 * SECOND);
        int started = 0;
        while (bucket.tryTake(1, 2 * SECOND) == 0) {
            started++;
        }
        assertThat(started).isEqualTo(1000 - 3);
    }

    @Test
    void aBucketThatIsNotEmptyIsFilledUpAndNotBeyond() {
        TokenBucket bucket = new TokenBucket(1_000_000, 100, true, 0);
        bucket.takeUpTo(50, 0);
        assertThat(bucket.takeUpTo(200, 60_000)).isEqualTo(100);
    }

    @Test
    void aBucketIsAsNewWhenItIsFullAgain() {
        TokenBucket bucket = new TokenBucket(2, 2, true, 0);
        assertThat(bucket.isAsNew(0)).isTrue();
        bucket.tryTake(2, 0);
        assertThat(bucket.isAsNew(SECOND - 1)).isFalse();
        assertThat(bucket.isAsNew(SECOND)).isTrue();
        assertThat(new TokenBucket(2, 2, false, 0).isAsNew(0)).isFalse();
    }

    @Test
    void aBucketThatCannotBeOrGiveIsRefused() {
        assertThatIllegalArgumentException().isThrownBy(() -> new TokenBucket(0, 1, true, 0));
        assertThatIllegalArgumentException().isThrownBy(() -> new TokenBucket(1, 0, true, 0));
        assertThatIllegalArgumentException().isThrownBy(() -> new TokenBucket(1, TokenBucket.MOST_TOKENS + 1, true, 0));
        assertThatIllegalArgumentException().isThrownBy(() -> new TokenBucket(1, 2, true, 0).tryTake(3, 0));
        TokenBucket bucket = new TokenBucket(1, 1, true, 0);
        assertThatIllegalArgumentException().isThrownBy(() -> bucket.change(0, 1, 0));
        assertThat(bucket.tryTake(1, 0)).isZero();
    }

    @Test
    void aWindowIsAsNewWhenAllThatWasTakenHasLeftIt() {
        WindowBucket bucket = new WindowBucket(20, SECOND);
        assertThat(bucket.isAsNew(0)).isTrue();
        for (int record = 0; record < 20; record++) {
            assertThat(bucket.tryTake(1, record)).isZero();
        }
        assertThat(bucket.tryTake(1, 19)).isEqualTo(SECOND - 19);
        assertThat(bucket.isAsNew(SECOND + 18)).isFalse();
        assertThat(bucket.isAsNew(SECOND + 19)).isTrue();
    }

    @Test
    void whatIsAsNewLeavesTheTableOneOrTwoAtATime() {
        BucketTable table = new BucketTable(3, (key, now) -> new TokenBucket(1, 1, true, now), 0);
        Bucket first = table.of("a", 0);
        first.tryTake(1, 0);
        table.of("b", 0).tryTake(1, 0);
        table.of("c", 0).tryTake(1, 0);
        assertThat(table.of("a", SECOND / 2)).isSameAs(first);
        first.tryTake(1, SECOND);

        table.of("d", SECOND);

        assertThat(table.size()).as("b and c have gone").isEqualTo(2);
        assertThat(table.of("a", SECOND)).isSameAs(first);
    }

    @Test
    void whatIsIdleLeavesTheTable() {
        BucketTable table = new BucketTable(1000, (key, now) -> new TokenBucket(1, 1, true, now), 0);
        for (int key = 0; key < 500; key++) {
            table.of(key, 0).tryTake(1, 0);
        }
        for (int key = 500; key < 900; key++) {
            table.of(key, 10 * SECOND).tryTake(1, 10 * SECOND);
        }

        assertThat(table.size()).isLessThanOrEqualTo(500);
    }

    @Test
    void aTableThatIsFullOfBusyKeysGivesTheRestOneBucketTogether() {
        BucketTable table = new BucketTable(10, (key, now) -> new TokenBucket(1, 1, true, now), 0);
        int passed = 0;
        for (int key = 0; key < 1000; key++) {
            passed += table.of(key, 0).tryTake(1, 0) == 0 ? 1 : 0;
        }

        assertThat(passed).isEqualTo(11);
        assertThat(table.size()).isEqualTo(10);
    }

    @Test
    void aKeyKeepsItsBucketWhileItIsBusy() {
        BucketTable table = new BucketTable(2, (key, now) -> new TokenBucket(1, 1, true, now), 0);
        assertThat(table.of("a", 0).tryTake(1, 0)).isZero();
        table.of("b", 0).tryTake(1, 0);
        table.of("c", 0).tryTake(1, 0);

        assertThat(table.of("a", SECOND / 2).tryTake(1, SECOND / 2)).isEqualTo(SECOND / 2);
    }

    @Test
    void noMoreThanTwoLeaveTheTableForOneThatComes() {
        BucketTable table = new BucketTable(10, (key, now) -> new TokenBucket(1, 1, true, now), 0);
        for (int key = 0; key < 5; key++) {
            table.of(key, 0).tryTake(1, 0);
        }
        table.of("new", 10 * SECOND);
        assertThat(table.size()).isEqualTo(5 - 2 + 1);
    }

    @Test
    void whatIsDoneToAllBucketsIsDoneToThatOfTheRestToo() {
        BucketTable table = new BucketTable(1, (key, now) -> new TokenBucket(1, 1, true, now), 0);
        Bucket own = table.of("a", 0);
        own.tryTake(1, 0);
        Bucket rest = table.of("b", 0);
        List<Bucket> seen = new ArrayList<>();
        table.forEach(seen::add);
        assertThat(seen).containsExactly(own, rest);
    }
}
