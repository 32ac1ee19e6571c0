package io.github.kafkabackpressure.sample;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.github.kafkabackpressure.actuate.DashboardEndpoint;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiFunction;
import java.util.function.Supplier;
import org.springframework.boot.actuate.endpoint.web.WebEndpointResponse;

/**
 * The page behind a proxy that puts it below a path of its own, with an endpoint that answers what a test wants.
 *
 * <p>Threading: any thread.
 */
final class FakeApplication implements AutoCloseable {

    private static final String PREFIX = "/behind/a/proxy/manage/";

    private static final String ENDPOINT = PREFIX + "kafkabackpressure";

    private final DashboardEndpoint page = new DashboardEndpoint(FakeApplication.class.getClassLoader());

    private final ExecutorService threads = Executors.newCachedThreadPool();

    private final List<String> writes = new CopyOnWriteArrayList<>();

    private final AtomicInteger reads = new AtomicInteger();

    private final Supplier<Answers> answer;

    /** Answers a path below the endpoint and a body; null refuses. */
    private volatile BiFunction<String, String, String> writing = (path, body) -> "{}";

    private volatile HttpServer server;

    private final int port;

    FakeApplication(Supplier<Answers> answer) throws IOException {
        this.answer = answer;
        this.server = start(0);
        this.port = server.getAddress().getPort();
    }

    private HttpServer start(int onPort) throws IOException {
        HttpServer started = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), onPort), 0);
        started.setExecutor(threads);
        started.createContext(PREFIX, this::handle);
        started.start();
        return started;
    }

    String url(String fragment) {
        return "http://127.0.0.1:" + port + PREFIX + "kafkabackpressuredashboard" + fragment;
    }

    void onWrite(BiFunction<String, String, String> to) {
        this.writing = to;
    }

    /** Each write so far as "path body". */
    List<String> writes() {
        return List.copyOf(writes);
    }

    /** How often the endpoint has been asked. */
    int reads() {
        return reads.get();
    }

    /** It is gone, as in a restart. */
    void cut() {
        server.stop(0);
    }

    /** It is there again, at the same address. */
    void heal() throws IOException {
        server = start(port);
    }

    private void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            String path = exchange.getRequestURI().getPath();
            if (path.equals(ENDPOINT)) {
                reads.incrementAndGet();
                String query = exchange.getRequestURI().getQuery();
                String details = query == null ? null : query.replaceFirst("^details=", "");
                byte[] json = answer.get().json(details).getBytes(StandardCharsets.UTF_8);
                send(exchange, 200, "application/json", json);
            } else if (path.startsWith(ENDPOINT + "/")) {
                String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
                String below = path.substring(ENDPOINT.length() + 1);
                writes.add(below + " " + body);
                String told = writing.apply(below, body);
                byte[] bytes = Objects.requireNonNullElse(told, "{\"error\": \"that cannot be\"}")
                        .getBytes(StandardCharsets.UTF_8);
                send(exchange, told == null ? 400 : 200, "application/json", bytes);
            } else {
                file(exchange, path.substring(PREFIX.length()));
            }
        }
    }

    private void file(HttpExchange exchange, String name) throws IOException {
        WebEndpointResponse<byte[]> file = name.equals("kafkabackpressuredashboard")
                ? page.page()
                : page.file(name.substring(name.indexOf('/') + 1));
        if (file.getBody() == null) {
            send(exchange, file.getStatus(), "text/plain", new byte[0]);
        } else {
            send(exchange, file.getStatus(), String.valueOf(file.getContentType()), file.getBody());
        }
    }

    private static void send(HttpExchange exchange, int status, String type, byte[] body) throws IOException {
        exchange.getResponseHeaders().set("Content-Type", type);
        exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
        if (body.length > 0) {
            exchange.getResponseBody().write(body);
        }
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
