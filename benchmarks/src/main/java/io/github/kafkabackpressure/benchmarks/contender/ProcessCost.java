package io.github.kafkabackpressure.benchmarks.contender;

import java.lang.management.ManagementFactory;
import java.lang.reflect.Method;

/**
 * What this process has allocated and computed so far.
 *
 * @param allocatedBytes bytes allocated on the heap by all threads; virtual threads count with their carriers
 * @param cpuNanos CPU time of the process in nanoseconds, compiler and garbage collector included
 * @param compilerMillis time that the JIT compiler has been at work, in milliseconds; two of its threads count twice
 */
record ProcessCost(long allocatedBytes, long cpuNanos, long compilerMillis) {

    static ProcessCost now() {
        var system = (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        return new ProcessCost(
                allocated(),
                system.getProcessCpuTime(),
                ManagementFactory.getCompilationMXBean().getTotalCompilationTime());
    }

    ProcessCost minus(ProcessCost earlier) {
        return new ProcessCost(
                allocatedBytes - earlier.allocatedBytes,
                cpuNanos - earlier.cpuNanos,
                compilerMillis - earlier.compilerMillis);
    }

    private static long allocated() {
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        try {
            // From JDK 21 on; it counts threads that have ended, too.
            Method total = com.sun.management.ThreadMXBean.class.getMethod("getTotalThreadAllocatedBytes");
            return (long) total.invoke(threads);
        } catch (NoSuchMethodException ex) {
            return allocatedByLiveThreads(threads);
        } catch (ReflectiveOperationException ex) {
            throw new IllegalStateException(ex);
        }
    }

    private static long allocatedByLiveThreads(com.sun.management.ThreadMXBean threads) {
        long sum = 0;
        for (long bytes : threads.getThreadAllocatedBytes(threads.getAllThreadIds())) {
            sum += Math.max(0, bytes);
        }
        return sum;
    }
}
