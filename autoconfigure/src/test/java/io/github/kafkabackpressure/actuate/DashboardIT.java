package io.github.kafkabackpressure.actuate;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.test.Http;
import io.github.kafkabackpressure.test.TestApp;
import java.net.http.HttpResponse;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.boot.WebApplicationType;
import org.springframework.context.ConfigurableApplicationContext;

/** The live page of applications with a web server, as the server hands it out. It needs no broker. */
class DashboardIT {

    private static final Pattern IN_PAGE = Pattern.compile("(?:href|src)=\"(kafkabackpressuredashboard/[^\"]+)\"");

    private static final Pattern IN_SCRIPT = Pattern.compile("from '\\./([^']+)'");

    /** The page, all that it names, and all that this names, by addresses that are relative. */
    @ParameterizedTest
    @CsvSource({
        "SERVLET, local.server.port, management.endpoints.web.base-path=/actuator, /actuator",
        "SERVLET, local.server.port, server.servlet.context-path=/shop, /shop/actuator",
        "SERVLET, local.management.port, management.server.port=0, /actuator",
        "REACTIVE, local.server.port, management.endpoints.web.base-path=/manage/ment, /manage/ment",
        "REACTIVE, local.management.port, management.server.port=0;management.endpoints.web.base-path=/ops, /ops",
        "REACTIVE, local.management.port, management.server.port=0;management.server.base-path=/behind, /behind/actuator"
    })
    void thePageAndAllThatItLoadsIsBelowTheActuatorsPath(
            WebApplicationType type, String port, String property, String base) {
        try (ConfigurableApplicationContext context = TestApp.startWeb(
                type,
                "127.0.0.1:1",
                List.of(Http.Open.class),
                "management.endpoints.web.exposure.include=kafkabackpressure,kafkabackpressuredashboard",
                "kafka.backpressure.dashboard.enabled=true",
                "spring.main.allow-bean-definition-overriding=true", // the tests have two reactive servers
                property.split(";", 2)[0],
                property.substring(property.indexOf(';') + 1))) {
            Http http = new Http(context, port);
            HttpResponse<String> page = http.get(base + "/kafkabackpressuredashboard", "Accept", "text/html,*/*;q=0.8");
            assertThat(page.statusCode()).isEqualTo(200);
            assertType(page, "text/html");
            assertThat(page.body()).doesNotContain("<script>").contains("default-src 'none'");

            Set<String> files = named(page.body(), IN_PAGE, "");
            Set<String> loaded = new LinkedHashSet<>();
            while (!loaded.containsAll(files)) {
                for (String file : Set.copyOf(files)) {
                    if (loaded.add(file)) {
                        HttpResponse<String> answer = http.get(base + "/" + file, "Accept", "*/*");
                        assertThat(answer.statusCode()).as(file).isEqualTo(200);
                        assertType(answer, typeOf(file));
                        files.addAll(named(answer.body(), IN_SCRIPT, "kafkabackpressuredashboard/"));
                    }
                }
            }
            assertThat(loaded).hasSize(18);
            assertThat(http.get(base + "/kafkabackpressure", "Accept", "application/json")
                            .statusCode())
                    .isEqualTo(200);
            for (String none : List.of("index.html", "DashboardEndpoint.class", "..%2Factions.js", "package.json")) {
                assertThat(http.get(base + "/kafkabackpressuredashboard/" + none, "Accept", "*/*")
                                .statusCode())
                        .as(none)
                        .isIn(400, 404);
            }
        }
    }

    private static Set<String> named(String text, Pattern pattern, String prefix) {
        Set<String> names = new LinkedHashSet<>();
        Matcher matcher = pattern.matcher(text);
        while (matcher.find()) {
            names.add(prefix + matcher.group(1));
        }
        return names;
    }

    private static String typeOf(String file) {
        return switch (file.substring(file.lastIndexOf('.'))) {
            case ".js" -> "text/javascript";
            case ".css" -> "text/css";
            default -> "image/svg+xml";
        };
    }

    private static void assertType(HttpResponse<String> answer, String type) {
        assertThat(answer.headers().firstValue("Content-Type"))
                .hasValueSatisfying(value -> assertThat(value).startsWith(type));
    }
}
