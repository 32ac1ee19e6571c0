package io.github.kafkabackpressure.rate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.rate.SharedRateLimit.Grant;
import io.github.kafkabackpressure.rate.SharedRateLimit.Rate;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class SharedBucketTests {

    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    private final List<CompletableFuture<Grant>> asked = new ArrayList<>();

    private final List<Long> amounts = new ArrayList<>();

    private final AtomicInteger answers = new AtomicInteger();

    /** A monotonic clock may begin anywhere, also just before its overflow. */
    private long now = Long.MAX_VALUE - SECOND / 4;

    @Test
    void oneAnswerIsEnoughForManyRecords() {
        SharedBucket bucket = bucket(null);
        assertThat(bucket.tryTake(1, now)).isEqualTo(SharedBucket.PATIENCE_NANOS);
        assertThat(bucket.tryTake(1, now)).isEqualTo(SharedBucket.PATIENCE_NANOS);
        assertThat(amounts).containsExactly(10L);
        answer(0, 10, 0);

        assertThat(answers).hasValue(1);
        for (int record = 0; record < 6; record++) {
            assertThat(bucket.tryTake(1, now)).isZero();
        }
        assertThat(amounts).as("more are asked for before the last is used").containsExactly(10L, 10L);
    }

    @Test
    void anAnswerThatComesAtOnceLetsTheRecordPassAtOnce() {
        SharedBucket bucket = new SharedBucket(
                (name, most, rate) -> CompletableFuture.completedFuture(new Grant(most, 0)),
                "orders",
                new Rate(100, 100),
                10,
                null,
                () -> {},
                () -> now);

        assertThat(bucket.tryTake(1, now)).isZero();
    }

    @Test
    void whenTheBucketIsEmptyItIsAskedAgainWhenThereIsAToken() {
        SharedBucket bucket = bucket(null);
        bucket.tryTake(1, now);
        answer(0, 0, SECOND / 3);

        assertThat(bucket.tryTake(1, now)).isEqualTo(SECOND / 3);
        assertThat(asked).hasSize(1);
        now += SECOND / 3;
        bucket.tryTake(1, now);
        assertThat(asked).hasSize(2);
    }

    @Test
    void recordsWaitWhileTheBucketIsAway() {
        SharedBucket bucket = bucket(null);
        bucket.tryTake(1, now);
        fail(0);

        assertThat(bucket.tryTake(1, now + SECOND / 2)).isEqualTo(SECOND / 2);
        assertThat(asked).hasSize(1);
        now += SECOND;
        bucket.tryTake(1, now);
        assertThat(asked).hasSize(2);
        answer(1, 10, 0);
        assertThat(bucket.tryTake(1, now)).isZero();
    }

    @Test
    void recordsGoByTheLocalShareWhileTheBucketIsAway() {
        SharedBucket bucket = bucket(() -> 5);
        bucket.tryTake(1, now);
        fail(0);

        int passed = passedWithin(bucket, 4 * SECOND);
        assertThat(passed).isBetween(19, 20);
        assertThat(asked).as("it is asked for now and then").hasSizeBetween(3, 5);
    }

    @Test
    void aBucketThatIsFrozenCountsAsAway() {
        SharedBucket bucket = bucket(() -> 5);

        int passed = passedWithin(bucket, 5 * SECOND);
        assertThat(passed).as("nothing in the first second, then the share").isBetween(19, 20);
    }

    @Test
    void tokensThatComeLateAreNotLost() {
        SharedBucket bucket = bucket(null);
        bucket.tryTake(1, now);
        now += 2 * SECOND;
        bucket.tryTake(1, now);
        answer(0, 10, 0);

        assertThat(bucket.tryTake(10, now)).isZero();
    }

    @Test
    void aSourceThatThrowsIsAway() {
        SharedBucket bucket = new SharedBucket(
                (name, most, rate) -> {
                    throw new IllegalStateException("no connection");
                },
                "orders",
                new Rate(100, 100),
                10,
                () -> 1,
                () -> {},
                () -> now);
        bucket.tryTake(1, now);
        now += SECOND / 2;
        assertThat(bucket.tryTake(1, now)).isEqualTo(SECOND / 2);
    }

    @Test
    void aBucketThatNobodyHasAskedForLongIsAsNew() {
        SharedBucket bucket = bucket(null);
        assertThat(bucket.isAsNew(now + SharedBucket.PATIENCE_NANOS)).isFalse();
        assertThat(bucket.isAsNew(now + SharedBucket.PATIENCE_NANOS + 1)).isTrue();
        bucket.tryTake(1, now);
        assertThat(bucket.isAsNew(now + 9 * SECOND)).as("it is being asked").isFalse();
        answer(0, 1, 0);
        assertThat(bucket.isAsNew(now + 9 * SECOND)).as("it holds a token").isFalse();
    }

    @Test
    void moreIsAskedForAtOnceThanIsTakenAheadIfARecordCostsMore() {
        SharedBucket bucket = bucket(null);
        bucket.tryTake(25, now);
        assertThat(amounts).containsExactly(25L);
        answer(0, 20, 0);
        assertThat(bucket.tryTake(25, now)).isPositive();
        assertThat(amounts).containsExactly(25L, 10L);
        answer(1, 5, 0);
        assertThat(bucket.tryTake(25, now)).isZero();
    }

    @Test
    void aLateAnswerIsNotTakenForThatOfALaterRequest() {
        SharedBucket bucket = bucket(null);
        bucket.tryTake(1, now);
        now += 2 * SECOND;
        bucket.tryTake(1, now); // takes it for away
        now += SECOND;
        bucket.tryTake(1, now); // asks again
        assertThat(asked).hasSize(2);
        answer(0, 0, 5 * SECOND);
        assertThat(bucket.tryTake(1, now))
                .as("the second answer is still awaited")
                .isLessThanOrEqualTo(SECOND);
        fail(1);
        now += SECOND / 4;
        assertThat(bucket.tryTake(1, now)).isEqualTo(SECOND * 3 / 4);
    }

    @Test
    void moreAreAskedForWhenLessThanHalfOfWhatIsTakenAheadIsLeft() {
        SharedBucket bucket = bucket(null);
        bucket.tryTake(1, now);
        answer(0, 14, 0);
        assertThat(bucket.tryTake(8, now)).isZero();
        assertThat(asked).as("six are left, whatever the last one cost").hasSize(1);
        assertThat(bucket.tryTake(1, now)).isZero();
        assertThat(asked).as("half").hasSize(1);
        assertThat(bucket.tryTake(1, now)).isZero();
        assertThat(asked).hasSize(2);
    }

    @Test
    void whatAnAnswerBringsAtOnceIsTakenOnce() {
        List<Grant> grants = new ArrayList<>(List.of(new Grant(10, 0), new Grant(0, SECOND)));
        SharedBucket bucket = new SharedBucket(
                (name, most, rate) -> CompletableFuture.completedFuture(grants.remove(0)),
                "orders",
                new Rate(100, 100),
                10,
                null,
                () -> {},
                () -> now);
        assertThat(bucket.tryTake(10, now)).as("all of them").isZero();
        assertThat(bucket.tryTake(1, now)).as("none is left").isEqualTo(SECOND);
    }

    @Test
    void aBucketThatHasNotAnsweredForASecondIsAwayFromThenOn() {
        SharedBucket bucket = bucket(() -> 5);
        bucket.tryTake(1, now);
        assertThat(bucket.tryTake(1, now + SECOND - 1))
                .as("it may still answer")
                .isEqualTo(1);
        assertThat(bucket.tryTake(1, now + SECOND)).as("the local share").isEqualTo(SECOND / 5);
    }

    @Test
    void recordsGoByTheLocalShareAtOnceWhenTheSourceThrows() {
        SharedBucket bucket = new SharedBucket(
                (name, most, rate) -> {
                    throw new IllegalStateException("no connection");
                },
                "orders",
                new Rate(100, 100),
                10,
                () -> 10,
                () -> {},
                () -> now);
        assertThat(bucket.tryTake(1, now)).isEqualTo(SECOND / 10);
    }

    private int passedWithin(SharedBucket bucket, long time) {
        int passed = 0;
        for (long end = now + time; now - end < 0; now += SECOND / 100) {
            passed += bucket.tryTake(1, now) == 0 ? 1 : 0;
        }
        return passed;
    }

    private SharedBucket bucket(SharedBucket.@Nullable LocalShare share) {
        return new SharedBucket(
                (name, most, rate) -> {
                    amounts.add(most);
                    CompletableFuture<Grant> answer = new CompletableFuture<>();
                    asked.add(answer);
                    return answer;
                },
                "orders",
                new Rate(100, 100),
                10,
                share,
                answers::incrementAndGet,
                () -> now);
    }

    private void answer(int request, long tokens, long nanosToNext) {
        int before = answers.get();
        asked.get(request).complete(new Grant(tokens, nanosToNext));
        await().until(() -> answers.get() > before);
    }

    private void fail(int request) {
        int before = answers.get();
        asked.get(request).completeExceptionally(new IllegalStateException("away"));
        await().until(() -> answers.get() > before);
    }
}
