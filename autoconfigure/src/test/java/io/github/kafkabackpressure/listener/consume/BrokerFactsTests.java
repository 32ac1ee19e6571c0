package io.github.kafkabackpressure.listener.consume;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class BrokerFactsTests {

    private final AtomicInteger asked = new AtomicInteger();

    private long now;

    private BrokerFacts facts(int configured) {
        return new BrokerFacts(
                () -> {
                    asked.incrementAndGet();
                    throw new IllegalStateException("no such broker");
                },
                configured,
                () -> now);
    }

    @Test
    void whatTheBrokersDoNotSayIsUnknownAndNotAskedForAgainAtOnce() {
        BrokerFacts facts = facts(0);
        facts.learn(Set.of("topic"));
        facts.learn(Set.of("topic"));
        assertThat(facts.topic("topic")).isZero();
        assertThat(facts.maxMetadata()).isEqualTo(4096);
        assertThat(asked).hasValue(1);
        now += TimeUnit.MINUTES.toNanos(2);
        facts.learn(Set.of("topic"));
        assertThat(asked).hasValue(2);
    }

    @Test
    void metadataThatTheBrokerRefusesGetsShorter() {
        BrokerFacts facts = facts(300);
        assertThat(facts.maxMetadata()).isEqualTo(300);
        assertThat(facts.lowerMaxMetadata(280)).isTrue();
        assertThat(facts.maxMetadata()).isEqualTo(140);
        assertThat(facts.lowerMaxMetadata(140)).isTrue();
        assertThat(facts.maxMetadata()).isEqualTo(70);
    }

    @Test
    void metadataThatCouldNotTellOfAGapIsLeftOutAltogether() {
        BrokerFacts facts = facts(4096);
        assertThat(facts.lowerMaxMetadata(127)).isTrue();
        assertThat(facts.maxMetadata()).isZero();
        assertThat(facts.lowerMaxMetadata(20))
                .as("what is refused now is the user's")
                .isFalse();
    }
}
