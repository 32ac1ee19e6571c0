package io.github.kafkabackpressure.benchmarks.contender;

import java.time.Duration;
import java.util.List;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;
import reactor.kafka.receiver.KafkaReceiver;
import reactor.kafka.receiver.ReceiverOptions;

/** reactor-kafka. */
final class ReactorReceivers {

    private static final int MAX_DEFERRED_COMMITS = 100_000;

    private static final int COMMIT_BATCH = 10_000;

    /** More than is handled between two commits where there is one a second. */
    private static final int SECONDS_OF_DEFERRED_COMMITS = 5_000_000;

    private ReactorReceivers() {}

    /**
     * Records handled by {@code flatMap} on as many workers as the load allows, acknowledged in any order; offsets are
     * committed up to the first unfinished record. What is acknowledged and not committed counts as deferred, and the
     * receiver pauses at that limit, so with its defaults it would stand still between commits.
     */
    static Probe concurrent(Run run) {
        Probe probe = Probe.of(run);
        int concurrency = run.load().concurrency();
        Scheduler workers = Schedulers.fromExecutorService(Workers.of(run.load()));
        ReceiverOptions<String, String> options = run.commitsEachSecond()
                ? options(run).maxDeferredCommits(SECONDS_OF_DEFERRED_COMMITS)
                : options(run).maxDeferredCommits(MAX_DEFERRED_COMMITS).commitBatchSize(COMMIT_BATCH);
        subscribe(KafkaReceiver.create(options)
                .receive()
                .flatMap(
                        record -> Mono.fromRunnable(() -> {
                                    probe.handleUntilDone(record);
                                    record.receiverOffset().acknowledge();
                                })
                                .subscribeOn(workers),
                        concurrency));
        return probe;
    }

    /** Records handled one after the other, on the thread that reactor-kafka gives them to. */
    static Probe serial(Run run) {
        Probe probe = Probe.of(run);
        subscribe(KafkaReceiver.create(options(run))
                .receiveAutoAck()
                .concatMap(batch -> batch)
                .doOnNext(probe::handleUntilDone));
        return probe;
    }

    private static ReceiverOptions<String, String> options(Run run) {
        ReceiverOptions<String, String> options =
                ReceiverOptions.<String, String>create(run.consumerProperties()).subscription(List.of(run.topic()));
        return run.commitsEachSecond() ? options.commitInterval(Duration.ofSeconds(1)) : options;
    }

    private static void subscribe(Flux<?> records) {
        records.subscribe(ignored -> {}, failure -> {
            failure.printStackTrace();
            Runtime.getRuntime().halt(1);
        });
    }
}
