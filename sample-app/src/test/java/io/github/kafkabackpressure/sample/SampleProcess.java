package io.github.kafkabackpressure.sample;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The packaged sample application in a process of its own, as the README starts it.
 *
 * <p>Threading: one thread at a time.
 */
final class SampleProcess implements AutoCloseable {

    private final Process process;

    private final Thread reader;

    private final List<String> lines = Collections.synchronizedList(new ArrayList<>());

    private SampleProcess(Process process) {
        this.process = process;
        this.reader = new Thread(this::read, "sample-output");
        reader.setDaemon(true);
        reader.start();
    }

    static SampleProcess start(Map<String, String> environment, String... arguments) throws IOException {
        String java = ProcessHandle.current().info().command().orElseThrow();
        List<String> command = new ArrayList<>(List.of(java, "-Xmx512m", "-jar", System.getProperty("sample.jar")));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.directory(new File(System.getProperty("java.io.tmpdir")));
        builder.environment().putAll(environment);
        return new SampleProcess(builder.start());
    }

    private void read() {
        try (BufferedReader output = process.inputReader()) {
            output.lines().forEach(lines::add);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (UncheckedIOException e) {
            lines.add("the output could not be read to its end: " + e.getMessage());
        }
    }

    /** What it has printed so far. */
    List<String> lines() {
        synchronized (lines) {
            return List.copyOf(lines);
        }
    }

    /** The status lines so far. */
    List<Status> statuses() {
        return lines().stream().flatMap(Status::of).toList();
    }

    /** Sends it a SIGTERM. */
    void terminate() {
        process.toHandle().destroy(); // Process.destroy() would close its output too
    }

    /** Waits for the end, all output included, and says with which code. */
    int awaitExit(long seconds) throws InterruptedException {
        if (!process.waitFor(seconds, TimeUnit.SECONDS)) {
            throw new AssertionError("did not end within " + seconds + " s:\n" + String.join("\n", lines()));
        }
        reader.join();
        return process.exitValue();
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }

    /** A status line. */
    record Status(long produced, long handled, long inFlight, long limit, long paused, long partitions, long lag) {

        private static final Pattern LINE = Pattern.compile(
                "produced +([\\d,]+) +handled +([\\d,]+) +in flight (\\d+) of (\\d+) +paused (\\d+) of (\\d+) partitions +lag +([\\d,]+)");

        static Stream<Status> of(String line) {
            Matcher matcher = LINE.matcher(line);
            if (!matcher.matches()) {
                return Stream.empty();
            }
            return Stream.of(new Status(
                    number(matcher.group(1)),
                    number(matcher.group(2)),
                    number(matcher.group(3)),
                    number(matcher.group(4)),
                    number(matcher.group(5)),
                    number(matcher.group(6)),
                    number(matcher.group(7))));
        }
    }

    /** The last line of the application: what has become of the orders. */
    record Balance(long before, long produced, long handledForGood, long onTopic, String verdict) {

        private static final Pattern LINE = Pattern.compile(
                "(?:([\\d,]+) there before \\+ )?([\\d,]+) produced = ([\\d,]+) handled for good \\+ ([\\d,]+) still on the topic: (.*)");

        static Balance of(List<String> lines) {
            // Not always the very last one: newer JVMs warn of what the embedded broker's end does.
            for (int i = lines.size() - 1; i >= 0; i--) {
                Matcher matcher = LINE.matcher(lines.get(i));
                if (matcher.matches()) {
                    return new Balance(
                            matcher.group(1) == null ? 0 : number(matcher.group(1)),
                            number(matcher.group(2)),
                            number(matcher.group(3)),
                            number(matcher.group(4)),
                            matcher.group(5));
                }
            }
            throw new AssertionError("no line with the balance:\n" + String.join("\n", lines));
        }
    }

    private static long number(String text) {
        return Long.parseLong(text.replace(",", ""));
    }
}
