package io.github.kafkabackpressure.listener;

import java.util.concurrent.Executor;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.springframework.core.task.SimpleAsyncTaskExecutor;
import org.springframework.kafka.support.KafkaUtils;
import org.springframework.scheduling.concurrent.CustomizableThreadFactory;

/**
 * Where the workers of a listener come from.
 *
 * <p>Threading: stateless.
 */
final class WorkerThreads {

    private static final int KEPT_SECONDS = 10;

    private WorkerThreads() {}

    /**
     * Makes an executor with a thread for each task.
     *
     * @param name what their names begin with
     * @param group the listener's group, which spring-kafka's converters want to know by thread
     */
    static Executor named(String name, boolean virtual, @Nullable String group) {
        String prefix = name + "-W-";
        if (virtual) {
            SimpleAsyncTaskExecutor executor = new SimpleAsyncTaskExecutor(prefix);
            executor.setVirtualThreads(true);
            executor.setTaskDecorator(work -> inGroup(work, group));
            return executor;
        }
        CustomizableThreadFactory threads = new CustomizableThreadFactory(prefix);
        threads.setDaemon(true); // one that was given up must not keep the JVM alive
        return new ThreadPoolExecutor(
                0,
                Integer.MAX_VALUE,
                KEPT_SECONDS,
                TimeUnit.SECONDS,
                new SynchronousQueue<>(),
                work -> threads.newThread(inGroup(work, group)));
    }

    /** Tells spring-kafka's converters the group of a worker's thread, which is a header of each message. */
    private static Runnable inGroup(Runnable work, @Nullable String group) {
        return () -> {
            KafkaUtils.setConsumerGroupId(group);
            try {
                work.run();
            } finally {
                KafkaUtils.clearConsumerGroupId();
            }
        };
    }
}
