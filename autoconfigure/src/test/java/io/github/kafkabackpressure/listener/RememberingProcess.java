package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.test.Scenario;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** An application in a process of its own, to be killed: appends which records it has handled to a file. */
final class RememberingProcess implements AutoCloseable {

    private final Process process;

    private final Path handled;

    /**
     * Starts it.
     *
     * @param stuck the offset of the record that is never finished, or -1
     */
    RememberingProcess(String brokers, String id, long stuck, String ordering, Path directory) throws IOException {
        handled = Files.createTempFile(directory, "handled", ".txt");
        process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-Xmx256m",
                        "-cp",
                        System.getProperty("java.class.path"),
                        RememberingProcess.class.getName(),
                        brokers,
                        id,
                        String.valueOf(stuck),
                        ordering,
                        handled.toString())
                .redirectErrorStream(true)
                .redirectOutput(directory.resolve("application.log").toFile())
                .start();
    }

    /** The offsets of the records that it has handled, and a million for each partition's number. */
    List<Long> handled() {
        try {
            return Files.readAllLines(handled).stream().map(Long::valueOf).toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    int handledCount() {
        try {
            return (int) (Files.size(handled) / 8); // seven digits and the end of the line
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** {@code SIGTERM} */
    void terminate() throws InterruptedException {
        process.destroy();
        if (!process.waitFor(30, TimeUnit.SECONDS)) {
            throw new IllegalStateException("the application does not end");
        }
    }

    /** {@code kill -9} */
    void kill() throws InterruptedException {
        process.destroyForcibly();
        process.waitFor(20, TimeUnit.SECONDS);
    }

    @Override
    public void close() throws InterruptedException {
        kill();
    }

    public static void main(String[] arguments) {
        long stuck = Long.parseLong(arguments[2]);
        Path file = Path.of(arguments[4]);
        Scenario scenario = Scenario.of(arguments[0], arguments[1])
                .listener(
                        "ordering=" + arguments[3], "commit-interval=200ms", "max-concurrency=4", "max-in-flight=5000")
                .consumer("session.timeout.ms=1500", "heartbeat.interval.ms=300")
                .handler(record -> {
                    if (record.offset() == stuck) {
                        new CountDownLatch(1).await();
                    }
                    long position = record.partition() * 1_000_000L + record.offset();
                    Files.writeString(file, "%07d\n".formatted(position), StandardOpenOption.APPEND);
                })
                .start();
        Runtime.getRuntime().addShutdownHook(new Thread(scenario::closeApplication));
    }
}
