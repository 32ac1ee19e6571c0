package io.github.kafkabackpressure.benchmarks;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** A listener of the broker with TLS, whose key is made for one run of a suite. */
final class Tls implements AutoCloseable {

    private static final String HOST = "127.0.0.1";

    private static final String PASSWORD = "benchmark";

    private final Path directory;

    private final int port;

    private Tls(Path directory, int port) {
        this.directory = directory;
        this.port = port;
    }

    /** Makes a key by the JDK's {@code keytool}. */
    static Tls create() throws IOException, InterruptedException {
        Tls tls = new Tls(Files.createTempDirectory("tls-"), freePort());
        Process keytool = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "keytool")
                                .toString(),
                        "-genkeypair",
                        "-alias",
                        "broker",
                        "-keyalg",
                        "RSA",
                        "-keysize",
                        "2048",
                        "-validity",
                        "2",
                        "-dname",
                        "CN=localhost",
                        "-ext",
                        "san=ip:" + HOST,
                        "-storetype",
                        "PKCS12",
                        "-keystore",
                        tls.store().toString(),
                        "-storepass",
                        PASSWORD)
                .inheritIO()
                .start();
        if (!keytool.waitFor(60, TimeUnit.SECONDS) || keytool.exitValue() != 0) {
            throw new IllegalStateException("keytool made no key");
        }
        return tls;
    }

    String bootstrapServers() {
        return HOST + ":" + port;
    }

    /** What the broker needs for it; the names in braces are those of its process. */
    Map<String, String> brokerProperties() {
        return Map.of(
                "listeners",
                "PLAINTEXT://" + HOST + ":{port},CONTROLLER://" + HOST + ":{controllerPort},TLS://" + HOST + ":" + port,
                "listener.security.protocol.map",
                "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,TLS:SSL",
                "ssl.keystore.type",
                "PKCS12",
                "ssl.keystore.location",
                store().toString(),
                "ssl.keystore.password",
                PASSWORD);
    }

    Map<String, String> clientProperties() {
        return Map.of(
                "security.protocol",
                "SSL",
                "ssl.truststore.type",
                "PKCS12",
                "ssl.truststore.location",
                store().toString(),
                "ssl.truststore.password",
                PASSWORD);
    }

    @Override
    public void close() throws IOException {
        Files.deleteIfExists(store());
        Files.deleteIfExists(directory);
    }

    private Path store() {
        return directory.resolve("broker.p12");
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }
}
