package io.github.kafkabackpressure.benchmarks;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.kafkabackpressure.benchmarks.contender.ContenderMain;
import io.github.kafkabackpressure.benchmarks.contender.Run;
import io.github.kafkabackpressure.benchmarks.contender.RunResult;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The JVM of one run: with a heap of its own, and a JIT compiler that has seen one contender only.
 *
 * <p>Threading: one thread runs it; the process's output is read by a thread of its own.
 */
final class ContenderProcess {

    private static final int START_SECONDS = 60;

    private static final int TAIL_LINES = 25;

    private static final ObjectMapper JSON = new ObjectMapper();

    private final List<String> jvmOptions;

    private final String classPath;

    private final Map<String, Runnable> requests;

    private final Deque<String> tail = new ArrayDeque<>();

    private volatile @Nullable Process process;

    /** A run's JVM; {@code requests} says what is done when the run asks for it. */
    ContenderProcess(List<String> jvmOptions, String classPath, Map<String, Runnable> requests) {
        this.jvmOptions = jvmOptions;
        this.classPath = classPath;
        this.requests = requests;
    }

    /**
     * Runs it.
     *
     * @throws RunFailedException if the run ends without a result
     */
    RunResult run(Run run) throws IOException, InterruptedException, RunFailedException {
        Path in = Files.createTempFile("run-", ".json");
        Path out = Files.createTempFile("result-", ".json");
        try {
            JSON.writeValue(in.toFile(), run);
            Process started = new ProcessBuilder(command(in, out))
                    .redirectErrorStream(true)
                    .start();
            process = started;
            Thread reader = new Thread(() -> read(started), "contender-output");
            reader.start();
            boolean ended = started.waitFor(START_SECONDS + 3L * run.load().limitSeconds(), TimeUnit.SECONDS);
            if (!ended) {
                started.destroyForcibly().waitFor();
            }
            reader.join();
            if (!ended || started.exitValue() != 0) {
                throw new RunFailedException(ended ? "exit code " + started.exitValue() : "did not end", tail());
            }
            return JSON.readValue(out.toFile(), RunResult.class);
        } finally {
            Files.delete(in);
            Files.delete(out);
        }
    }

    /** Kills the process, if it runs, by {@code SIGKILL}. */
    void kill() {
        Process started = process;
        if (started != null) {
            started.destroyForcibly().onExit().join();
        }
    }

    private List<String> command(Path in, Path out) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(jvmOptions);
        command.add("-cp");
        command.add(classPath);
        command.add(ContenderMain.class.getName());
        command.add(in.toString());
        command.add(out.toString());
        return command;
    }

    private void read(Process process) {
        try (BufferedReader lines =
                        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
                OutputStream answers = process.getOutputStream()) {
            String line;
            while ((line = lines.readLine()) != null) {
                Runnable requested = requests.get(line);
                if (requested != null) {
                    requested.run();
                    answers.write('\n');
                    answers.flush();
                    continue;
                }
                synchronized (tail) {
                    tail.addLast(line);
                    if (tail.size() > TAIL_LINES) {
                        tail.removeFirst();
                    }
                }
            }
        } catch (IOException ex) {
            synchronized (tail) {
                tail.addLast("(output lost: " + ex + ")");
            }
        }
    }

    private String tail() {
        synchronized (tail) {
            return String.join("\n", tail);
        }
    }

    /** A run that gave no result. */
    static final class RunFailedException extends Exception {

        private final String reason;

        private final String output;

        RunFailedException(String reason, String output) {
            super(reason + "; it wrote:\n" + output);
            this.reason = reason;
            this.output = output;
        }

        String reason() {
            return reason;
        }

        /** The end of what the run's JVM wrote. */
        String output() {
            return output;
        }
    }
}
