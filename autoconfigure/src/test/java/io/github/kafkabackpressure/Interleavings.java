package io.github.kafkabackpressure;

import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import org.jetbrains.lincheck.LincheckAssertionError;
import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;
import org.jetbrains.lincheck.datastructures.Options;
import org.jetbrains.lincheck.datastructures.StressOptions;

/**
 * Lincheck's two ways to look for a wrong interleaving, set up alike for all tests. Everything runs in parallel: with
 * Lincheck's sequential part before or after it, a check-then-act often stays unseen.
 */
public final class Interleavings {

    private Interleavings() {}

    /** Goes through interleavings one by one; an operation switches threads at any access to shared memory. */
    public static void modelCheck(Class<?> operations, Class<?> specification) {
        check(operations, specification, 2, new ModelCheckingOptions().iterations(5), 400);
    }

    /**
     * As {@link #modelCheck}, but for three long operations, one a thread.
     *
     * @param scenarios how many choices of three operations to go through
     * @param invocations how many interleavings of each
     */
    public static void modelCheckLongOperations(
            Class<?> operations, Class<?> specification, int scenarios, int invocations) {
        check(operations, specification, 1, new ModelCheckingOptions().iterations(scenarios), invocations);
    }

    /** Runs on real threads, which may reorder what model checking keeps in order. */
    public static void stress(Class<?> operations, Class<?> specification) {
        check(operations, specification, 3, new StressOptions().iterations(4).minimizeFailedScenario(false), 1000);
    }

    /** Asserts that going through the interleavings of a broken variant finds a wrong one. */
    public static void assertCaught(Class<?> brokenOperations, Class<?> specification) {
        assertThatExceptionOfType(LincheckAssertionError.class)
                .isThrownBy(() -> check(
                        brokenOperations,
                        specification,
                        2,
                        new ModelCheckingOptions().iterations(100).minimizeFailedScenario(false),
                        1000));
    }

    private static void check(
            Class<?> operations, Class<?> specification, int actors, Options<?, ?> options, int invocations) {
        options.threads(3)
                .actorsPerThread(actors)
                .actorsBefore(0)
                .actorsAfter(0)
                .invocationsPerIteration(invocations)
                .sequentialSpecification(specification)
                .check(operations);
    }
}
