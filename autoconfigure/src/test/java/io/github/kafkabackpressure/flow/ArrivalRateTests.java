package io.github.kafkabackpressure.flow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.kafkabackpressure.flow.ArrivalRate.Knowledge;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class ArrivalRateTests {

    private final ArrivalRate rate = new ArrivalRate();

    private long now = Long.MAX_VALUE - TimeUnit.SECONDS.toNanos(20); // a clock may overflow

    private long end = 500;

    @Test
    void nothingArrivesAsLongAsTheEndHasNotMoved() {
        assertThat(rate.perSecond()).isZero();
        look(1, 0, Knowledge.AT_END);
        assertThat(rate.perSecond()).isZero();
        look(30, 0, Knowledge.AT_END);
        assertThat(rate.perSecond()).isZero();
    }

    @Test
    void whatArrivesSteadilyIsToldFromTheSecondLookOn() {
        look(1, 100, Knowledge.AT_END);
        for (int second = 0; second < 40; second++) {
            look(1, 100, second % 2 == 0 ? Knowledge.AT_END : Knowledge.BEHIND);
            assertThat(rate.perSecond()).isCloseTo(100, within(0.001));
        }
    }

    @Test
    void whileItIsPausedTheRateStandsStillAndWhatCameMeanwhileIsNoBurst() {
        look(20, 100, Knowledge.BEHIND);
        for (int second = 0; second < 60; second++) {
            look(1, 0, Knowledge.PAUSED);
            assertThat(rate.perSecond()).isCloseTo(100, within(0.001));
        }
        look(1, 0, Knowledge.BEHIND); // resumed, and the fetch is under way
        assertThat(rate.perSecond()).isCloseTo(100, within(0.001));
        look(1, 6200, Knowledge.BEHIND);
        assertThat(rate.perSecond()).isCloseTo(100, within(0.001));
        look(1, 100, Knowledge.BEHIND);
        assertThat(rate.perSecond()).isCloseTo(100, within(0.001));
    }

    @Test
    void aPauseAtTheEndConfirmsNothing() {
        look(20, 100, Knowledge.AT_END);
        for (int second = 0; second < 30; second++) {
            look(1, 0, Knowledge.PAUSED);
        }
        look(1, 0, Knowledge.AT_END); // resumed, and the fetch is under way
        assertThat(rate.perSecond()).isCloseTo(100, within(0.001));
        look(1, 3200, Knowledge.AT_END);
        assertThat(rate.perSecond()).isCloseTo(100, within(0.001));
    }

    @Test
    void whatHasStoppedArrivingIsForgottenInSomeTenSeconds() {
        look(20, 100, Knowledge.AT_END);
        double last = rate.perSecond();
        for (int second = 0; second < 11; second++) {
            look(1, 0, Knowledge.AT_END);
            assertThat(rate.perSecond()).isLessThanOrEqualTo(last);
            last = rate.perSecond();
        }
        assertThat(rate.perSecond()).isZero();
    }

    @Test
    void aBurstAfterAQuietTimeCountsOverTenSeconds() {
        look(60, 0, Knowledge.AT_END);
        look(1, 1000, Knowledge.BEHIND);
        assertThat(rate.perSecond()).isCloseTo(100, within(0.001));
    }

    @Test
    void whoReadsWhatWasFetchedLongAgoBelievesTheRateTenSecondsAndThenLessAndLess() {
        look(20, 100, Knowledge.BEHIND);
        for (int second = 0; second < 10; second++) {
            look(1, 0, Knowledge.BEHIND);
            assertThat(rate.perSecond()).isCloseTo(100, within(0.001));
        }
        for (int second = 0; second < 10; second++) {
            look(1, 0, Knowledge.BEHIND);
        }
        assertThat(rate.perSecond()).isCloseTo(50, within(0.001));
        look(1, 2100, Knowledge.BEHIND);
        assertThat(rate.perSecond()).isCloseTo(100, within(0.001));
    }

    @Test
    void anEndThatGoesBackIsNoArrivalAndWhatComesAfterItCounts() {
        look(20, 100, Knowledge.AT_END);
        look(1, -700, Knowledge.AT_END);
        assertThat(rate.perSecond()).isBetween(0.0, 100.0);
        for (int second = 0; second < 12; second++) {
            look(1, 100, Knowledge.AT_END);
        }
        assertThat(rate.perSecond()).isCloseTo(100, within(0.001));
    }

    /** Looks once a second, when each time so many records have arrived. */
    private void look(int times, long arrived, Knowledge knowledge) {
        for (int time = 0; time < times; time++) {
            now += TimeUnit.SECONDS.toNanos(1);
            end += arrived;
            rate.look(end, knowledge, now);
        }
    }
}
