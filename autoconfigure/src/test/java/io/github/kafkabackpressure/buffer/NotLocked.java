package io.github.kafkabackpressure.buffer;

import static org.assertj.core.api.Assertions.assertThat;

import org.awaitility.Awaitility;

/** Finds a lock that somebody has kept. */
final class NotLocked {

    private NotLocked() {}

    /** Runs what takes the lock on a thread of its own, which would wait for ever for the lock of one that has it. */
    static void assertThatNobodyHolds(Runnable whatTakesTheLock) {
        Thread other = new Thread(whatTakesTheLock);
        other.setDaemon(true);
        other.start();
        Awaitility.await()
                .until(() -> other.getState() == Thread.State.TERMINATED || other.getState() == Thread.State.WAITING);
        assertThat(other.getState()).isEqualTo(Thread.State.TERMINATED);
    }
}
