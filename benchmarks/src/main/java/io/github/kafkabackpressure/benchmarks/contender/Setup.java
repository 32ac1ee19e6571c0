package io.github.kafkabackpressure.benchmarks.contender;

import java.util.HashMap;
import java.util.Map;

/**
 * How a contender is set up for a load, and what its handler does besides waiting.
 *
 * @param commits when it commits
 * @param consumers how many consumers a contender has whose concurrency is its consumers; 0 for as many as the load
 *     says
 * @param computeMicros how long a handler computes for each record, in microseconds of a core that is idle otherwise
 * @param steps what that is in steps of {@link Work}; counted by the harness, so that all contenders compute the same
 * @param failOneIn of so many records one fails when it is handled first, and then succeeds; 0 for none
 * @param client properties of Kafka's client besides
 * @param withoutStarter whether this project is missing on the class path
 * @param marks a file of marks for handled records, where they are counted across processes; empty for none
 */
public record Setup(
        Commits commits,
        int consumers,
        long computeMicros,
        long steps,
        int failOneIn,
        Map<String, String> client,
        boolean withoutStarter,
        String marks) {

    /** Nothing but defaults. */
    public static final Setup DEFAULT = new Setup(Commits.DEFAULT, 0, 0, 0, 0, Map.of(), false, "");

    public Setup withCommits(Commits newCommits) {
        return new Setup(newCommits, consumers, computeMicros, steps, failOneIn, client, withoutStarter, marks);
    }

    public Setup withConsumers(int newConsumers) {
        return new Setup(commits, newConsumers, computeMicros, steps, failOneIn, client, withoutStarter, marks);
    }

    public Setup withComputing(long newComputeMicros) {
        return new Setup(commits, consumers, newComputeMicros, steps, failOneIn, client, withoutStarter, marks);
    }

    public Setup withSteps(long newSteps) {
        return new Setup(commits, consumers, computeMicros, newSteps, failOneIn, client, withoutStarter, marks);
    }

    public Setup withFailures(int newFailOneIn) {
        return new Setup(commits, consumers, computeMicros, steps, newFailOneIn, client, withoutStarter, marks);
    }

    /** With more properties of Kafka's client. */
    public Setup withClient(Map<String, String> more) {
        Map<String, String> all = new HashMap<>(client);
        all.putAll(more);
        return new Setup(commits, consumers, computeMicros, steps, failOneIn, all, withoutStarter, marks);
    }

    public Setup withoutTheStarter() {
        return new Setup(commits, consumers, computeMicros, steps, failOneIn, client, true, marks);
    }

    public Setup withMarks(String newMarks) {
        return new Setup(commits, consumers, computeMicros, steps, failOneIn, client, withoutStarter, newMarks);
    }
}
