package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.test.Scenario;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.Deserializer;
import org.junit.jupiter.api.Test;
import org.springframework.kafka.listener.DefaultErrorHandler;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;
import org.springframework.util.backoff.FixedBackOff;

/** Stopping: in order, against handlers that hang, from odd places, and by a kill. */
@EmbeddedKafka(
        partitions = 1,
        brokerProperties = {"group.min.session.timeout.ms=1000", "offsets.topic.num.partitions=1"})
class DrainingIT {

    private final String brokers;

    DrainingIT(EmbeddedKafkaBroker broker) {
        this.brokers = broker.getBrokersAsString();
    }

    private static Duration timed(Runnable action) {
        long began = System.nanoTime();
        action.run();
        return Duration.ofNanos(System.nanoTime() - began);
    }

    @Test
    void whatIsInFlightIsFinishedAndCommittedByAStop() {
        try (Scenario scenario = Scenario.of(brokers, "z5")
                .listener("max-in-flight=20", "ordering=unordered")
                .handler(record -> Thread.sleep(700))
                .start()) {
            scenario.send(10);
            await().until(() -> scenario.running() == 10);
            scenario.container().stop();

            assertThat(scenario.handledCount()).isEqualTo(10);
            assertThat(scenario.committed(0)).isEqualTo(10);
            assertThat(scenario.members()).isEmpty();

            scenario.container().start();
            await().until(() -> scenario.snapshot(0) != null);
            await().during(Duration.ofSeconds(1)).until(() -> scenario.polled() == 10);
        }
    }

    @Test
    void whatOnlyWaitsIsNotHandledByAStop() {
        CountDownLatch started = new CountDownLatch(1);
        try (Scenario scenario = Scenario.of(brokers, "queued")
                .listener("max-in-flight=20")
                .handler(record -> {
                    started.countDown();
                    Thread.sleep(500);
                })
                .start()) {
            scenario.send(10);
            await().until(() -> started.getCount() == 0 && scenario.polled() == 10);
            Duration stop = timed(() -> scenario.container().stop());

            assertThat(stop).isLessThan(Duration.ofSeconds(3));
            int handled = scenario.handledCount();
            assertThat(handled).isBetween(1, 3);
            assertThat(scenario.committed(0)).isEqualTo(handled);

            scenario.container().start();
            scenario.awaitHandled(10);
            assertThat(scenario.handledPositions()).doesNotHaveDuplicates();
        }
    }

    @Test
    void hungHandlerIsGivenUpAndItsLateCompletionChangesNothing() {
        CountDownLatch firstAttempt = new CountDownLatch(1);
        CountDownLatch secondAttempt = new CountDownLatch(1);
        AtomicInteger attempts = new AtomicInteger();
        AtomicBoolean firstReturned = new AtomicBoolean();
        try (Scenario scenario = Scenario.of(brokers, "z6")
                .listener("max-in-flight=20", "drain-timeout=1s")
                .handler(record -> {
                    if (record.offset() == 3) {
                        if (attempts.incrementAndGet() == 1) {
                            Scenario.hang(firstAttempt);
                            firstReturned.set(true);
                        } else {
                            secondAttempt.await();
                        }
                    }
                })
                .start()) {
            scenario.send(10);
            await().until(() -> attempts.get() == 1);
            assertThat(timed(() -> scenario.container().stop())).isLessThan(Duration.ofSeconds(2));
            assertThat(scenario.committed(0)).isEqualTo(3);

            scenario.container().start();
            await().until(() -> attempts.get() == 2);
            firstAttempt.countDown();
            await().until(firstReturned::get);
            await().during(Duration.ofMillis(1500)).until(() -> scenario.committed(0) == 3);
            assertThat(scenario.snapshot(0).inFlight()).isEqualTo(7);
            assertThat(scenario.container().getInFlight()).isEqualTo(7);

            secondAttempt.countDown();
            await().until(() -> scenario.committed(0) == 10);
            assertThat(scenario.container().getInFlight()).isZero();
        }
    }

    @Test
    void abandonedRecordIsNotRecoveredAsIfItHadFailed() {
        Queue<Long> recovered = new ConcurrentLinkedQueue<>();
        AtomicBoolean ended = new AtomicBoolean();
        try (Scenario scenario = Scenario.of(brokers, "abandoned")
                .listener("drain-timeout=300ms")
                .beans(context -> context.registerBean(
                        DefaultErrorHandler.class,
                        () -> new DefaultErrorHandler(
                                (record, exception) -> recovered.add(record.offset()), new FixedBackOff(0, 0))))
                .handler(record -> {
                    try {
                        Thread.sleep(60_000);
                    } finally {
                        ended.set(true);
                    }
                })
                .start()) {
            scenario.send(1);
            await().until(() -> scenario.running() == 1);
            scenario.container().stop();
            await().until(ended::get);
            await().during(Duration.ofMillis(500)).until(recovered::isEmpty);
            assertThat(scenario.committed(0)).isLessThanOrEqualTo(0);
        }
    }

    @Test
    void killedProcessHasCommittedNothingPastAnUnfinishedRecord() throws Exception {
        Scenario.Builder builder = Scenario.of(brokers, "z8")
                .listener("ordering=unordered", "remember-progress=false") // so that all come again
                .consumer("session.timeout.ms=1500", "heartbeat.interval.ms=300");
        try (Scenario scenario = builder.prepare()) {
            scenario.send(51);
            Process process = startJvm(StuckApplication.class, brokers, "z8");
            try (BufferedReader output = process.inputReader(StandardCharsets.UTF_8)) {
                awaitLine(output, "handled 50");
                await().until(() -> scenario.committed(0) == 5);
                process.destroyForcibly();
                assertThat(process.waitFor(10, TimeUnit.SECONDS)).isTrue();
            } finally {
                process.destroyForcibly();
            }
            assertThat(scenario.committed(0)).isEqualTo(5);

            scenario.startApplication(builder);
            scenario.awaitHandled(46);
            assertThat(scenario.handledPositions())
                    .containsExactlyInAnyOrderElementsOf(IntStream.rangeClosed(5, 50)
                            .mapToObj(offset -> "z8-0@" + offset)
                            .toList());
        }
    }

    /** Handles 51 records but for the one at offset 5, at which it hangs until it is killed. */
    static final class StuckApplication {

        private StuckApplication() {}

        public static void main(String[] arguments) {
            AtomicInteger handled = new AtomicInteger();
            Scenario.of(arguments[0], arguments[1])
                    .listener("ordering=unordered", "commit-interval=100ms")
                    .consumer("session.timeout.ms=1500", "heartbeat.interval.ms=300")
                    .handler(record -> {
                        if (record.offset() == 5) {
                            Thread.sleep(Long.MAX_VALUE);
                        }
                        System.out.println("handled " + handled.incrementAndGet());
                    })
                    .start();
        }
    }

    private static Process startJvm(Class<?> main, String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx256m",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                main.getName()));
        command.addAll(List.of(arguments));
        return new ProcessBuilder(command).redirectErrorStream(true).start();
    }

    private static void awaitLine(BufferedReader output, String wanted) throws IOException {
        StringBuilder seen = new StringBuilder();
        for (String line = output.readLine(); line != null; line = output.readLine()) {
            if (line.equals(wanted)) {
                return;
            }
            seen.append(line).append('\n');
        }
        throw new AssertionError("the process has ended without '" + wanted + "':\n" + seen);
    }

    @Test
    void listenersMethodCanStopItsOwnContainer() {
        AtomicReference<Duration> inside = new AtomicReference<>();
        Scenario[] self = new Scenario[1];
        try (Scenario scenario = Scenario.of(brokers, "z4-inside")
                .handler(record -> {
                    if (record.offset() == 4) {
                        inside.set(timed(() -> self[0].container().stop()));
                    }
                })
                .start()) {
            self[0] = scenario;
            scenario.send(10);
            await().until(() -> inside.get() != null);
            assertThat(inside.get()).isLessThan(Duration.ofSeconds(1));
            await().until(() -> scenario.members().isEmpty());
            // What the method stopped at is finished, and so it is committed; the next may have started meanwhile.
            assertThat(scenario.handledCount()).isBetween(5, 10);
            assertThat(scenario.committed(0)).isEqualTo(scenario.handledCount());
            assertThat(scenario.container().isRunning()).isFalse();
            assertThat(scenario.container().getInFlight()).isZero();

            scenario.container().start();
            scenario.awaitHandled(10);
            assertThat(scenario.handledPositions()).doesNotHaveDuplicates();
        }
    }

    @Test
    void workerThatPausesAPartitionDuringAStopDoesNotHoldItUp() {
        CountDownLatch started = new CountDownLatch(1);
        Scenario[] self = new Scenario[1];
        try (Scenario scenario = Scenario.of(brokers, "pausing-worker")
                .handler(record -> {
                    started.countDown();
                    await().until(() -> !self[0].container().isRunning());
                    TopicPartition partition = new TopicPartition(record.topic(), record.partition());
                    self[0].container().pausePartition(partition); // as retry topics do
                    self[0].container().resumePartition(partition);
                    self[0].container().pause();
                    self[0].container().resume();
                })
                .start()) {
            self[0] = scenario;
            scenario.send(1);
            await().until(() -> started.getCount() == 0);
            assertThat(timed(() -> scenario.container().stop())).isLessThan(Duration.ofSeconds(4));
            assertThat(scenario.committed(0)).isEqualTo(1);
        }
    }

    @Test
    void interruptedThreadCanStopTheContainer() throws Exception {
        try (Scenario scenario = Scenario.of(brokers, "z4-interrupted")
                .listener("ordering=unordered")
                .handler(record -> Thread.sleep(500))
                .start()) {
            scenario.send(8);
            await().until(() -> scenario.running() == 8);
            AtomicBoolean stillInterrupted = new AtomicBoolean();
            Thread stopper = new Thread(() -> {
                Thread.currentThread().interrupt();
                scenario.container().stop();
                stillInterrupted.set(Thread.currentThread().isInterrupted());
            });
            stopper.start();
            stopper.join(2000);
            assertThat(stopper.isAlive()).isFalse();
            assertThat(stillInterrupted).isTrue();
            // It could not wait, but the drain goes on to its end.
            await().until(() -> scenario.members().isEmpty());
            assertThat(scenario.handledCount()).isEqualTo(8);
            assertThat(scenario.committed(0)).isEqualTo(8);
            await().until(() -> scenario.container().getInFlight() == 0);
        }
    }

    @Test
    void stoppingTwiceAtTheSameTimeIsStoppingOnce() throws Exception {
        try (Scenario scenario = Scenario.of(brokers, "z4-twice")
                .listener("ordering=unordered")
                .handler(record -> Thread.sleep(500))
                .start()) {
            scenario.send(8);
            await().until(() -> scenario.running() == 8);
            Thread other = new Thread(() -> scenario.container().stop());
            other.start();
            assertThat(timed(() -> scenario.container().stop())).isLessThan(Duration.ofSeconds(2));
            other.join(3000);
            assertThat(other.isAlive()).isFalse();
            assertThat(timed(() -> scenario.container().stop())).isLessThan(Duration.ofMillis(100));
            assertThat(scenario.handledCount()).isEqualTo(8);
            assertThat(scenario.committed(0)).isEqualTo(8);
        }
    }

    /** Both have seen the container running; spring-kafka's own lets the second one wait for the whole timeout. */
    @Test
    void aStopThatAnotherOneOvertookEndsWithThat() throws Exception {
        try (Scenario scenario = Scenario.of(brokers, "z4-overtaken")
                .listener("ordering=unordered")
                .handler(record -> Thread.sleep(300))
                .start()) {
            scenario.send(4);
            await().until(() -> scenario.running() == 4);
            CountDownLatch both = new CountDownLatch(2);
            AtomicLong finishedAtSecond = new AtomicLong(-1);
            scenario.container().doStop(both::countDown, true);
            scenario.container()
                    .doStop(
                            () -> {
                                finishedAtSecond.set(scenario.handledCount());
                                both.countDown();
                            },
                            true);
            assertThat(both.await(5, TimeUnit.SECONDS)).isTrue();
            assertThat(finishedAtSecond).hasValue(4);
        }
    }

    @Test
    void stopsForGoodWhileAResumeFires() {
        int rounds = Integer.getInteger("scenario.stops", 40);
        Semaphore permits = new Semaphore(0);
        try (Scenario scenario = Scenario.of(brokers, "j3")
                .listener("max-in-flight=4", "ordering=unordered", "drain-timeout=2s")
                .handler(record -> permits.acquire())
                .start()) {
            scenario.send(rounds * 20);
            for (int round = 0; round < rounds; round++) {
                await().pollInterval(Duration.ofMillis(2)).until(() -> scenario.running() == 4);
                Thread releaser = new Thread(() -> permits.release(4));
                releaser.start();
                Duration stop = timed(() -> scenario.container().stop());
                assertThat(stop).isLessThan(Duration.ofSeconds(4));
                assertThat(scenario.container().isRunning()).isFalse();
                permits.drainPermits();
                if (round < rounds - 1) {
                    scenario.container().start();
                }
            }
            await().during(Duration.ofSeconds(2)).until(() -> scenario.members().isEmpty());
            assertThat(scenario.container().getInFlight()).isZero();
            // Whatever was finished was committed by the stop that it was finished in, up to the first that was not.
            Set<String> handled = Set.copyOf(scenario.handledPositions());
            long frontier = 0;
            while (handled.contains("j3-0@" + frontier)) {
                frontier++;
            }
            assertThat(scenario.committed(0)).isEqualTo(frontier);
        }
    }

    @Test
    void errorOfADeserializerReleasesWhateverWaits() {
        Set<Long> interrupted = ConcurrentHashMap.newKeySet();
        try (Scenario scenario = Scenario.of(brokers, "z2")
                .listener("max-in-flight=8", "ordering=unordered", "drain-timeout=1s")
                .property("spring.kafka.consumer.value-deserializer=" + FailingDeserializer.class.getName())
                .handler(record -> {
                    try {
                        new CountDownLatch(1).await();
                    } catch (InterruptedException e) {
                        interrupted.add(record.offset());
                        throw e;
                    }
                })
                .start()) {
            scenario.send(6);
            await().until(() -> scenario.running() == 6);
            scenario.send(0, "k", "error");
            scenario.flush();
            await().until(() -> !scenario.container().isRunning());
            await().until(() -> scenario.running() == 0);
            await().until(() -> scenario.container().getInFlight() == 0);
            assertThat(interrupted).hasSize(6);
            assertThat(scenario.committed(0)).isLessThanOrEqualTo(0);
            assertThat(timed(scenario::closeApplication)).isLessThan(Duration.ofSeconds(3));
        }
    }

    /** Throws an {@link Error} on one value, and on another one only once. */
    public static final class FailingDeserializer implements Deserializer<String> {

        private static final AtomicBoolean FAILED_ONCE = new AtomicBoolean();

        @Override
        public String deserialize(String topic, byte[] data) {
            String value = new String(data, StandardCharsets.UTF_8);
            if (value.equals("error") || (value.equals("error once") && FAILED_ONCE.compareAndSet(false, true))) {
                throw new NoClassDefFoundError("for the test");
            }
            return value;
        }
    }

    @Test
    void errorInOneOfSeveralConsumersStopsAllInOrderAndARestartGoesOn() {
        CountDownLatch release = new CountDownLatch(1);
        try (Scenario scenario = Scenario.of(brokers, "one-of-three")
                .partitions(3)
                .listener("max-in-flight=60", "drain-timeout=3s")
                .property(
                        "spring.kafka.listener.concurrency=3",
                        "spring.kafka.consumer.value-deserializer=" + FailingDeserializer.class.getName())
                .handler(record -> release.await())
                .start()) {
            await().until(() -> scenario.snapshot().partitions().size() == 3);
            scenario.sendTo(1, 4);
            scenario.sendTo(2, 4);
            await().until(() -> scenario.running() == 2);
            scenario.send(0, "k", "error once");
            scenario.flush();
            await().until(() -> !scenario.container().isRunning());
            // The others drain: what runs is waited for, with no lock held that a stop would need.
            assertThat(timed(() -> scenario.container().stop())).isLessThan(Duration.ofSeconds(1));
            release.countDown();
            await().until(() ->
                    scenario.members().isEmpty() && !scenario.container().isChildRunning());
            await().until(() -> scenario.container().getInFlight() == 0);
            assertThat(scenario.handledCount()).isEqualTo(2);
            assertThat(scenario.committed(0)).isLessThanOrEqualTo(0);
            assertThat(scenario.committed(1)).isEqualTo(1);
            assertThat(scenario.committed(2)).isEqualTo(1);

            scenario.container().start();
            scenario.awaitHandled(9);
            assertThat(scenario.handledPositions()).doesNotHaveDuplicates();
            await().until(() -> scenario.committedSum() == 9);
        }
    }

    @Test
    void errorOfAHandlerStopsTheListenerAndCommitsNothingPastIt() {
        CountDownLatch others = new CountDownLatch(1);
        try (Scenario scenario = Scenario.of(brokers, "error")
                .listener("ordering=unordered", "drain-timeout=2s")
                .handler(record -> {
                    if (record.offset() == 2) {
                        others.await();
                        throw new StackOverflowError("for the test");
                    }
                })
                .start()) {
            scenario.send(6);
            await().until(() -> scenario.handledCount() == 5);
            others.countDown();
            await().until(() -> !scenario.container().isRunning());
            await().until(() -> scenario.members().isEmpty());
            assertThat(scenario.committed(0)).isEqualTo(2);
            assertThat(scenario.container().getInFlight()).isZero();
        }
    }
}
