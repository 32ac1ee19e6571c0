package io.github.kafkabackpressure.actuate;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.actuate.endpoint.annotation.ReadOperation;
import org.springframework.boot.actuate.endpoint.annotation.Selector;
import org.springframework.boot.actuate.endpoint.web.WebEndpointResponse;
import org.springframework.boot.actuate.endpoint.web.annotation.WebEndpoint;
import org.springframework.core.io.ClassPathResource;
import org.springframework.core.io.Resource;
import org.springframework.core.io.support.PathMatchingResourcePatternResolver;
import org.springframework.util.MimeType;

/**
 * The live page, as an actuator endpoint: so it has the actuator's port, base path and security, on every web stack that
 * the actuator serves. The page asks the endpoint {@code kafkabackpressure} beside it for all that it shows; all else
 * (scripts, style, icon) is served here, from the class path.
 *
 * <p>Threading: any thread.
 */
@WebEndpoint(id = "kafkabackpressuredashboard")
public final class DashboardEndpoint {

    /** The coordinates of the library that draws the plots. */
    public static final String PLOTS_LIBRARY = "org.webjars.npm:uplot";

    private static final String PLOTS = "classpath*:META-INF/resources/webjars/uplot/*/dist/";

    private static final MimeType HTML = MimeType.valueOf("text/html;charset=UTF-8");

    private static final MimeType SCRIPT = MimeType.valueOf("text/javascript;charset=UTF-8");

    private static final MimeType STYLE = MimeType.valueOf("text/css;charset=UTF-8");

    private static final MimeType IMAGE = MimeType.valueOf("image/svg+xml");

    private static final String[] SCRIPTS = {
        "actions",
        "app",
        "bars",
        "connection",
        "controls",
        "dom",
        "format",
        "history",
        "listener",
        "overview",
        "partitions",
        "plots",
        "producers",
        "tables"
    };

    /**
     * All that can be asked for, by name: no path that a browser sends ever reaches the class path. Bytes, not resources:
     * WebFlux lets Netty read those by itself, and under load some of such answers never came.
     */
    private final Map<String, WebEndpointResponse<byte[]>> files = new LinkedHashMap<>();

    private final WebEndpointResponse<byte[]> page = own("index.html", HTML);

    /**
     * Makes the page.
     *
     * @param classLoader has the library that draws the plots
     * @throws IllegalStateException if the library that draws the plots is not on the class path
     */
    public DashboardEndpoint(ClassLoader classLoader) {
        Arrays.stream(SCRIPTS).map(name -> name + ".js").forEach(name -> files.put(name, own(name, SCRIPT)));
        files.put("style.css", own("style.css", STYLE));
        files.put("icon.svg", own("icon.svg", IMAGE));
        files.put("uplot.js", answer(plotsLibrary("uPlot.esm.js", classLoader), SCRIPT));
        files.put("uplot.css", answer(plotsLibrary("uPlot.min.css", classLoader), STYLE));
    }

    /**
     * Whether the library that draws the plots is there.
     *
     * @param classLoader where it is looked for
     */
    public static boolean hasPlotsLibrary(ClassLoader classLoader) {
        return find("uPlot.esm.js", classLoader) != null;
    }

    /** The page itself. */
    @ReadOperation(produces = "text/html")
    public WebEndpointResponse<byte[]> page() {
        return page;
    }

    /** What the page loads; 404 if there is no such file. */
    @ReadOperation(produces = {"text/javascript", "text/css", "image/svg+xml"})
    public WebEndpointResponse<byte[]> file(@Selector String name) {
        WebEndpointResponse<byte[]> file = files.get(name);
        return file == null ? new WebEndpointResponse<>(WebEndpointResponse.STATUS_NOT_FOUND) : file;
    }

    private static WebEndpointResponse<byte[]> own(String name, MimeType type) {
        return answer(new ClassPathResource("dashboard/" + name, DashboardEndpoint.class), type);
    }

    private static WebEndpointResponse<byte[]> answer(Resource content, MimeType type) {
        try {
            return new WebEndpointResponse<>(content.getContentAsByteArray(), WebEndpointResponse.STATUS_OK, type);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Resource plotsLibrary(String file, ClassLoader classLoader) {
        Resource found = find(file, classLoader);
        if (found == null) {
            throw new IllegalStateException(PLOTS_LIBRARY + " is not on the class path");
        }
        return found;
    }

    private static @Nullable Resource find(String file, ClassLoader classLoader) {
        try {
            Resource[] found = new PathMatchingResourcePatternResolver(classLoader).getResources(PLOTS + file);
            return Arrays.stream(found)
                    .max(Comparator.comparing(
                            Resource::getDescription)) // one is usual; of several the same for each file
                    .orElse(null);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
