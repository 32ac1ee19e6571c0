package io.github.kafkabackpressure.benchmarks.contender;

import java.lang.reflect.Method;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** Threads for contenders that leave threads to their user. */
final class Workers {

    private Workers() {}

    static ExecutorService of(Load load) {
        return load.virtualThreads() ? virtual() : Executors.newFixedThreadPool(load.concurrency());
    }

    /** A virtual thread for each task; from JDK 21 on. */
    static ExecutorService virtual() {
        try {
            Method factory = Executors.class.getMethod("newVirtualThreadPerTaskExecutor");
            return (ExecutorService) factory.invoke(null);
        } catch (ReflectiveOperationException ex) {
            throw new IllegalStateException("Virtual threads need JDK 21", ex);
        }
    }

    /** A thread that nobody waits for. */
    static void daemon(String name, Runnable task) {
        Thread thread = new Thread(task, name);
        thread.setDaemon(true);
        thread.start();
    }
}
