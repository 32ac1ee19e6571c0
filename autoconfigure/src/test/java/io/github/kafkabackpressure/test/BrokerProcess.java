package io.github.kafkabackpressure.test;

import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.common.Uuid;

/**
 * A single-node Kafka broker in a process of its own, for tests that must freeze, kill or restart it.
 *
 * <p>The broker is started from the class path of the running JVM, which has its jars through {@code
 * spring-kafka-test}. It listens on the loopback address only and keeps its data and its log in a temporary directory
 * that {@link #close()} deletes.
 *
 * <p>Threading: one thread at a time.
 */
public final class BrokerProcess implements AutoCloseable {

    private static final String HOST = "127.0.0.1";

    private static final Duration START_TIMEOUT = Duration.ofSeconds(60);

    private static final Duration STOP_TIMEOUT = Duration.ofSeconds(30);

    private final String heap;

    private final int port;

    private final Path directory;

    private final Thread cleanup = new Thread(this::discard, "broker-process-cleanup");

    private volatile Process process;

    private BrokerProcess(String heap, Map<String, String> properties) throws IOException {
        this.heap = heap;
        int[] ports = freePorts();
        this.port = ports[0];
        this.directory = Files.createTempDirectory("kafka-broker-");
        Runtime.getRuntime().addShutdownHook(cleanup);
        Map<String, String> configuration = configuration(ports[0], ports[1]);
        configuration.put("log.dirs", directory.resolve("data").toString());
        configuration.putAll(properties);
        configuration.replaceAll(
                (name, value) -> value.replace("{port}", "" + ports[0]).replace("{controllerPort}", "" + ports[1]));
        Files.write(
                serverProperties(),
                configuration.entrySet().stream()
                        .map(entry -> entry.getKey() + "=" + entry.getValue())
                        .toList());
        // Without a configuration of its own, Logback would log everything down to DEBUG.
        Files.writeString(logback(), """
                <configuration>
                  <appender name="OUT" class="ch.qos.logback.core.ConsoleAppender">
                    <encoder><pattern>%d %-5level [%thread] %logger: %msg%n</pattern></encoder>
                  </appender>
                  <root level="INFO"><appender-ref ref="OUT"/></root>
                </configuration>
                """);
    }

    /** Starts a broker with a heap of 512 MB and the properties of {@link #start(String, Map)} as they are. */
    public static BrokerProcess start() {
        return start("512m", Map.of());
    }

    /**
     * Formats a new data directory, starts a broker on it and waits until it answers.
     *
     * @param heap the broker's heap size, as {@code -Xmx} takes it
     * @param properties broker properties, added to those that a single node needs; the same name replaces; in a value
     *     {@code {port}} and {@code {controllerPort}} stand for the ports that were found free
     * @throws IllegalStateException if the broker does not answer within a minute; the message ends with its log
     */
    public static BrokerProcess start(String heap, Map<String, String> properties) {
        BrokerProcess broker;
        try {
            broker = new BrokerProcess(heap, properties);
        } catch (IOException ex) {
            throw new IllegalStateException("The broker's directory cannot be prepared", ex);
        }
        try {
            broker.format();
            broker.launch();
            return broker;
        } catch (RuntimeException | Error ex) {
            broker.close();
            throw ex;
        }
    }

    /** The value for {@code bootstrap.servers}; the same after a restart. */
    public String bootstrapServers() {
        return HOST + ":" + port;
    }

    /** The file that the broker's output goes to. */
    public Path log() {
        return directory.resolve("broker.log");
    }

    /** The directory of the broker's configuration, data and log. */
    public Path directory() {
        return directory;
    }

    /** Whether the broker's process exists; a frozen one does. */
    public boolean isAlive() {
        return process != null && process.isAlive();
    }

    /** Stops the broker's process where it stands ({@code SIGSTOP}): its connections stay open, nothing answers. */
    public void freeze() {
        signal("STOP");
    }

    /** Lets a frozen broker go on ({@code SIGCONT}). */
    public void resume() {
        signal("CONT");
    }

    /** Ends the broker at once ({@code SIGKILL}), frozen or not, and waits until the process is gone. */
    public void kill() {
        process.destroyForcibly();
        awaitExit(STOP_TIMEOUT);
    }

    /** Ends the broker in good order ({@code SIGTERM}); one that has not ended after 30 s is killed. */
    public void stop() {
        if (!process.isAlive()) {
            return;
        }
        resume();
        process.destroy();
        if (!awaitExit(STOP_TIMEOUT)) {
            kill();
        }
    }

    /** Stops the broker if it runs, and starts it again on the same data and port. */
    public void restart() {
        stop();
        launch();
    }

    /** Kills the broker and deletes its directory. */
    @Override
    public void close() {
        try {
            Runtime.getRuntime().removeShutdownHook(cleanup);
        } catch (IllegalStateException ex) {
            return; // The JVM is going down: the hook does the rest.
        }
        discard();
    }

    private void discard() {
        if (process != null) {
            kill();
        }
        try {
            deleteRecursively(directory);
        } catch (IOException ex) {
            throw new IllegalStateException("Cannot delete " + directory, ex);
        }
    }

    private static Map<String, String> configuration(int port, int controllerPort) {
        Map<String, String> configuration = new LinkedHashMap<>();
        configuration.put("process.roles", "broker,controller");
        configuration.put("node.id", "1");
        configuration.put("controller.quorum.voters", "1@" + HOST + ":" + controllerPort);
        configuration.put("controller.listener.names", "CONTROLLER");
        configuration.put(
                "listeners", "PLAINTEXT://" + HOST + ":" + port + ",CONTROLLER://" + HOST + ":" + controllerPort);
        configuration.put("group.initial.rebalance.delay.ms", "0");
        configuration.put("offsets.topic.replication.factor", "1");
        configuration.put("offsets.topic.num.partitions", "4");
        configuration.put("transaction.state.log.replication.factor", "1");
        configuration.put("transaction.state.log.min.isr", "1");
        configuration.put("transaction.state.log.num.partitions", "4");
        configuration.put("share.coordinator.state.topic.replication.factor", "1");
        configuration.put("share.coordinator.state.topic.min.isr", "1");
        configuration.put("share.coordinator.state.topic.num.partitions", "4");
        return configuration;
    }

    private void format() {
        run(
                "kafka.tools.StorageTool",
                "format",
                "-t",
                Uuid.randomUuid().toString(),
                "-c",
                serverProperties().toString());
        if (!awaitExit(START_TIMEOUT) || process.exitValue() != 0) {
            throw new IllegalStateException("The broker's data directory was not formatted:\n" + logTail());
        }
    }

    private void launch() {
        run("kafka.Kafka", serverProperties().toString());
        long deadline = System.nanoTime() + START_TIMEOUT.toNanos();
        // A socket first: a client that finds no broker fills the test's log with warnings.
        while (!accepts() || !answers()) {
            if (!process.isAlive() || System.nanoTime() - deadline > 0) {
                throw new IllegalStateException("The broker did not start:\n" + logTail());
            }
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(50));
        }
    }

    private boolean accepts() {
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress(HOST, port), 1000);
            return true;
        } catch (IOException ex) {
            return false;
        }
    }

    private boolean answers() {
        Map<String, Object> configuration = Map.of(
                AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG,
                bootstrapServers(),
                AdminClientConfig.DEFAULT_API_TIMEOUT_MS_CONFIG,
                5000,
                AdminClientConfig.REQUEST_TIMEOUT_MS_CONFIG,
                2000);
        try (Admin admin = Admin.create(configuration)) {
            return !admin.describeCluster().nodes().get(5, TimeUnit.SECONDS).isEmpty();
        } catch (ExecutionException | TimeoutException ex) {
            return false;
        } catch (InterruptedException ex) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("Interrupted while the broker started", ex);
        }
    }

    private void run(String mainClass, String... arguments) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.add("-Xmx" + heap);
        command.add("-Dlogback.configurationFile=" + logback());
        command.add("-cp");
        command.add(System.getProperty("java.class.path"));
        command.add(mainClass);
        command.addAll(List.of(arguments));
        try {
            process = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.appendTo(log().toFile()))
                    .start();
        } catch (IOException ex) {
            throw new IllegalStateException("Cannot start a JVM for " + mainClass, ex);
        }
    }

    private void signal(String name) {
        try {
            Process kill = new ProcessBuilder("kill", "-" + name, Long.toString(process.pid()))
                    .inheritIO()
                    .start();
            if (!kill.waitFor(10, TimeUnit.SECONDS) || kill.exitValue() != 0) {
                throw new IllegalStateException("The broker's process took no SIG" + name);
            }
        } catch (IOException ex) {
            throw new IllegalStateException("Cannot signal the broker's process", ex);
        } catch (InterruptedException ex) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("Interrupted while signalling the broker's process", ex);
        }
    }

    /** Waits out an interrupt, and restores it: what was started here must be gone before the caller goes on. */
    private boolean awaitExit(Duration timeout) {
        long deadline = System.nanoTime() + timeout.toNanos();
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return process.waitFor(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
                } catch (InterruptedException ex) {
                    interrupted = true;
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private Path serverProperties() {
        return directory.resolve("server.properties");
    }

    private Path logback() {
        return directory.resolve("logback.xml");
    }

    private String logTail() {
        try {
            List<String> lines = Files.readAllLines(log());
            return lines.stream().skip(Math.max(0, lines.size() - 60)).collect(Collectors.joining("\n"));
        } catch (IOException ex) {
            return "(no log: " + ex + ")";
        }
    }

    /**
     * Two ports below the range that the kernel takes for outgoing connections: one of those could otherwise be on the
     * broker's port just when it restarts.
     */
    private static int[] freePorts() throws IOException {
        int[] ports = new int[2];
        int found = 0;
        while (found < ports.length) {
            int candidate = ThreadLocalRandom.current().nextInt(20_000, 32_000);
            if (found == 1 && candidate == ports[0]) {
                continue;
            }
            try (ServerSocket socket = new ServerSocket(candidate, 1, InetAddress.getByName(HOST))) {
                ports[found++] = socket.getLocalPort();
            } catch (BindException ex) {
                // Taken; the next one.
            }
        }
        return ports;
    }

    private static void deleteRecursively(Path root) throws IOException {
        Files.walkFileTree(root, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Files.deleteIfExists(file);
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path visited, IOException failure) throws IOException {
                Files.deleteIfExists(visited);
                return FileVisitResult.CONTINUE;
            }
        });
    }
}
