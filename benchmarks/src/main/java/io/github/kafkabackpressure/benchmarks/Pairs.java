package io.github.kafkabackpressure.benchmarks;

import io.github.kafkabackpressure.benchmarks.ContenderProcess.RunFailedException;
import io.github.kafkabackpressure.benchmarks.contender.ProbeKind;
import io.github.kafkabackpressure.benchmarks.contender.Requests;
import io.github.kafkabackpressure.benchmarks.contender.Run;
import io.github.kafkabackpressure.benchmarks.contender.RunResult;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import java.util.logging.Level;
import java.util.logging.Logger;

/** Runs that take two processes of the same contender and group, of which one is killed. */
final class Pairs {

    /** A process is killed at any moment of so long a time: no contender goes longer without a commit. */
    private static final long KILL_WITHIN_NANOS = TimeUnit.SECONDS.toNanos(5);

    private static final Logger LOGGER = Logger.getLogger(Pairs.class.getName());

    private final Function<Map<String, Runnable>, ContenderProcess> jvms;

    /** {@code jvms} makes a process that may make those requests. */
    Pairs(Function<Map<String, Runnable>, ContenderProcess> jvms) {
        this.jvms = jvms;
    }

    /** Kills one process while it handles, and has another one go on. */
    RunResult oneAfterTheOther(Run run) throws IOException, InterruptedException, RunFailedException {
        Path marks = Files.createTempFile("marks-", ".bin");
        try {
            Run marked = run.with(run.setup().withMarks(marks.toString()));
            AtomicBoolean killed = new AtomicBoolean();
            ContenderProcess[] first = new ContenderProcess[1];
            first[0] = jvms.apply(Map.of(Requests.KILL, () -> {
                LockSupport.parkNanos(ThreadLocalRandom.current().nextLong(KILL_WITHIN_NANOS));
                killed.set(true);
                first[0].kill();
            }));
            try {
                first[0].run(marked.with(ProbeKind.KILLED));
            } catch (RunFailedException ex) {
                if (!killed.get()) {
                    throw ex;
                }
            }
            return jvms.apply(Map.of()).run(marked);
        } finally {
            Files.delete(marks);
        }
    }

    /** Kills one of two processes that share the partitions, when the other one asks for it. */
    RunResult oneBesideTheOther(Run run) throws IOException, InterruptedException, RunFailedException {
        ContenderProcess member = jvms.apply(Map.of());
        Thread beside = new Thread(
                () -> {
                    try {
                        member.run(run.with(ProbeKind.MEMBER));
                    } catch (IOException | InterruptedException | RunFailedException ex) {
                        LOGGER.log(Level.FINE, "The member has ended, as it should once it is killed", ex);
                    }
                },
                "member");
        beside.start();
        try {
            return jvms.apply(Map.of(Requests.KILL, member::kill)).run(run);
        } finally {
            member.kill();
            beside.join();
        }
    }
}
