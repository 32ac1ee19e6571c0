package io.github.kafkabackpressure.sample;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.sample.SampleProcess.Status;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.openqa.selenium.By;
import org.openqa.selenium.Keys;
import org.openqa.selenium.WebElement;

/** The live page of the packaged sample application, in a browser. */
class LivePageIT {

    private static final Pattern ADDRESS = Pattern.compile("See it work at http://localhost:(\\d+)/");

    private static final int MOST_BYTES_OF_A_PICTURE = 150 * 1024;

    /** Parts of what happens in the pictures, some six seconds each: -Dpictures.acts=15 for those of the documentation. */
    private static final int ACTS = Integer.getInteger("pictures.acts", 1);

    private static final HttpClient HTTP = HttpClient.newHttpClient();

    private static Browser browser;

    private static SampleProcess sample;

    private static String root;

    @BeforeAll
    static void start() throws IOException {
        browser = Browser.start();
        sample = SampleProcess.start(Map.of());
        Awaitility.await()
                .atMost(Duration.ofSeconds(120))
                .until(() -> sample.statuses().size() > 1);
        Matcher address = ADDRESS.matcher(String.join("\n", sample.lines()));
        assertThat(address.find()).isTrue();
        root = "http://127.0.0.1:" + address.group(1);
    }

    @AfterAll
    static void stop() {
        if (sample != null) {
            sample.close();
        }
        if (browser != null) {
            browser.close();
        }
    }

    @BeforeEach
    void nothingIsWrong() {
        turn(1_000, 20, "FINE");
    }

    private static void turn(int orders, int payment, String bank) {
        String setting =
                "{\"ordersPerSecond\": %d, \"paymentMillis\": %d, \"bank\": \"%s\"}".formatted(orders, payment, bank);
        send(HttpRequest.newBuilder(URI.create(root + "/knobs"))
                .header("Content-Type", "application/json")
                .PUT(HttpRequest.BodyPublishers.ofString(setting)));
    }

    private static String endpoint(String path) {
        return send(HttpRequest.newBuilder(URI.create(root + "/actuator/kafkabackpressure" + path)));
    }

    private static String send(HttpRequest.Builder request) {
        try {
            HttpResponse<String> response = HTTP.send(request.build(), HttpResponse.BodyHandlers.ofString());
            assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
            return response.body();
        } catch (IOException e) {
            throw new AssertionError(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void open(String fragment) {
        browser.open(root + "/actuator/kafkabackpressuredashboard" + fragment);
        browser.await(() -> assertThat(browser.text("#connection")).contains("Live"));
    }

    @Test
    void showsEveryListenerAndTemplateWithoutAConsoleError() {
        open("#/");
        browser.await(() -> assertThat(browser.all(".overview .name a").stream().map(WebElement::getText))
                .containsExactlyInAnyOrder("payments", "prices"));
        browser.find(By.linkText("Producers")).click();
        browser.await(() -> assertThat(browser.text(".overview .name")).isEqualTo("backpressuredKafkaTemplate"));
        assertThat(browser.complaints()).isEmpty();
    }

    @Test
    void aPauseIsShownWithinTwoSeconds() {
        turn(10, 0, "FINE");
        open("#/listener/payments");
        browser.await(() -> {
            assertThat(browser.all(".strip button")).hasSize(4);
            assertThat(browser.all(".strip button[data-state=paused]")).isEmpty();
        });
        browser.js("""
                new MutationObserver(() => {
                  const paused = document.querySelector('.strip button[data-state=paused]');
                  window.firstTold ??= paused?.tip();
                }).observe(document.querySelector('.strip'), {attributes: true, subtree: true});""");
        turn(2_000, 20, "FROZEN");
        // A partition that has its share may be paused before the listener is full.
        browser.await(() -> assertThat((String) browser.js("return window.firstTold;"))
                .containsPattern("paused: (max in flight|fair share)"));
        // How long it had been paused when the page was first told; the page shows what it is told at once.
        assertThat((String) browser.js("return window.firstTold;")).containsPattern("for (\\d+(\\.\\d)? ms|1\\.\\d s)");
    }

    @Test
    void aSliderChangesTheLoad() {
        browser.open(root + "/");
        browser.await(
                () -> assertThat(browser.text("output[for=ordersPerSecond]")).isEqualTo("1000"));
        browser.find(By.name("ordersPerSecond")).sendKeys(Keys.HOME);
        browser.await(() -> {
            List<Status> statuses = sample.statuses();
            assertThat(statuses.get(statuses.size() - 1).produced()
                            - statuses.get(statuses.size() - 2).produced())
                    .isLessThan(10);
        });
        browser.intoFrame();
        browser.await(() -> assertThat(browser.all(".overview .name a")).hasSize(2));
        browser.outOfFrame();
        assertThat(browser.complaints()).isEmpty();
    }

    @Test
    void aButtonPausesAndResumes() {
        open("#/listener/payments");
        browser.await(() -> browser.button("Pause").click());
        browser.await(() -> assertThat(browser.text(".state")).isEqualTo("paused"));
        assertThat(endpoint("/payments")).contains("\"state\":\"paused\"");
        browser.button("Resume").click();
        browser.await(() -> assertThat(browser.text(".state")).isEqualTo("running"));
        assertThat(endpoint("/payments")).contains("\"state\":\"running\"");
    }

    @Test
    void aLimitThatIsChangedOnThePageHolds() {
        open("#/listener/payments");
        changeLimit("300", "40");
        int before = sample.statuses().size();
        browser.await(() -> {
            List<Status> since =
                    sample.statuses().subList(before, sample.statuses().size());
            assertThat(since).anySatisfy(status -> assertThat(status.inFlight()).isPositive());
            assertThat(since.get(since.size() - 1).limit()).isEqualTo(40);
            assertThat(since.get(since.size() - 1).inFlight()).isBetween(1L, 40L);
        });
        browser.await(() -> assertThat(browser.text(".figures")).contains("of 40"));
        changeLimit("40", "300");
        browser.await(() -> assertThat(browser.text(".figures")).contains("of 300"));
    }

    private static void changeLimit(String from, String to) {
        browser.await(() -> {
            if (!browser.find(By.id("confirm")).isDisplayed()) {
                WebElement limit = browser.find(By.name("maxInFlight"));
                limit.clear();
                limit.sendKeys(to);
                browser.button("Change the limits").click();
            }
            assertThat(browser.text("#confirm-text")).contains("Max in flight from " + from + " to " + to);
        });
        browser.button("Change").click();
    }

    @Test
    void aListenerIsStoppedAndStarted() {
        open("#/listener/payments");
        browser.await(() -> browser.button("Stop").click());
        browser.await(() -> assertThat(browser.text("#confirm-title")).isEqualTo("Stop payments?"));
        browser.find(By.id("confirm-yes")).click();
        browser.await(() -> assertThat(browser.text(".state")).isEqualTo("stopped"));
        browser.await(() -> browser.button("Start").click());
        browser.await(() -> {
            assertThat(browser.text(".state")).isEqualTo("running");
            assertThat(browser.all(".strip button")).hasSize(4);
        });
    }

    @Test
    void aListenerIsDrainedResumedAndRestarted() {
        open("#/listener/payments");
        browser.await(() -> browser.button("Drain").click());
        browser.await(() -> browser.find(By.id("confirm-yes")).click());
        browser.await(() -> {
            assertThat(browser.text("#told")).isEqualTo("payments is drained and paused");
            assertThat(browser.text(".state")).isEqualTo("paused");
            assertThat(browser.text(".figures")).contains("0 of 300");
        });
        browser.button("Resume").click();
        browser.await(() -> assertThat(browser.text(".state")).isEqualTo("running"));
        browser.button("Restart").click();
        browser.await(() -> browser.find(By.id("confirm-yes")).click());
        browser.await(() -> {
            assertThat(browser.text("#told")).isEqualTo("payments is restarted");
            assertThat(browser.text(".state")).isEqualTo("running");
            assertThat(browser.all(".strip button")).hasSize(4);
        });
    }

    @Test
    void onePartitionIsPausedAndResumed() {
        open("#/listener/payments");
        browser.await(() -> browser.all(".strip button").get(2).click());
        browser.await(() -> assertThat(browser.text(".detail")).contains("sample-orders-2"));
        browser.button("Pause this partition").click();
        browser.await(() -> assertThat(browser.text(".detail")).contains("paused: user"));
        browser.button("Resume this partition").click();
        browser.await(() -> assertThat(browser.text(".detail")).doesNotContain("paused: user"));
    }

    @Test
    void theSwitchMakesPaymentsFailHangAndGoOn() {
        browser.open(root + "/");
        browser.await(
                () -> assertThat(browser.text("output[for=ordersPerSecond]")).isEqualTo("1000"));
        browser.find(By.name("bank")).sendKeys("refuses");
        browser.await(() -> assertThat(endpoint("/payments")).doesNotContain("\"backingOff\":0"));
        browser.find(By.name("bank")).sendKeys("is frozen");
        browser.await(() -> assertThat(endpoint("/payments")).contains("\"finishedPerSecond\":0.0"));
        browser.find(By.name("bank")).sendKeys("is fine");
        browser.await(() -> assertThat(endpoint("/payments")).contains("\"backingOff\":0"));
        assertThat(browser.complaints()).isEmpty();
    }

    @Test
    void aFlushOfTheTemplateIsConfirmed() {
        open("#/producers");
        browser.await(() -> browser.button("Flush").click());
        browser.await(() -> assertThat(browser.text("#told")).contains("backpressuredKafkaTemplate"));
        browser.await(() -> assertThat(browser.text("table.list")).contains("flushed"));
    }

    /** The pictures; those of the documentation are among them. */
    @Test
    void picturesOfAllViewsAtBothWidthsLightAndDark() throws IOException {
        try {
            for (String view : List.of("#/listener/payments", "#/", "#/producers")) {
                for (int width : new int[] {Browser.NARROW, Browser.WIDE}) {
                    browser.size(width).dark(false);
                    open(view);
                    browser.await(() -> assertThat(browser.all(".state")).isNotEmpty());
                    for (boolean dark : new boolean[] {false, true}) {
                        browser.dark(dark);
                        if (view.endsWith("payments")) {
                            browser.await(
                                    () -> assertThat(browser.all("canvas")).hasSize(4));
                        }
                        String name = view.replaceAll("\\W", "") + "-" + width + (dark ? "-dark" : "-light");
                        browser.screenshot(name.startsWith("-") ? "overview" + name : name, 0);
                        browser.assertNothingIsCutOff();
                    }
                }
            }
            browser.size(Browser.WIDE).dark(false);
            open("#/listener/payments");
            showSomething();
            assertThat(Files.size(browser.screenshot("live-page-light", 900))).isLessThan(MOST_BYTES_OF_A_PICTURE);
            browser.dark(true);
            browser.await(() -> assertThat(browser.all("canvas")).hasSize(4));
            assertThat(Files.size(browser.screenshot("live-page-dark", 900))).isLessThan(MOST_BYTES_OF_A_PICTURE);
            browser.dark(false);
            browser.open(root + "/");
            browser.intoFrame();
            browser.await(() -> assertThat(browser.all(".overview .name a")).hasSize(2));
            browser.outOfFrame();
            browser.screenshot("sample-1280", 0);
            browser.assertAccessible();
        } finally {
            browser.size(Browser.WIDE).dark(false);
        }
    }

    /** Lets something happen that the plots can show; for longer where the pictures are for the documentation. */
    private static void showSomething() {
        for (int act = 0; act < ACTS; act++) {
            turn(act % 3 == 1 ? 1_400 : 500, act % 3 == 2 ? 10 : 20, act % 5 == 4 ? "SLOW" : "FINE");
            int answers = application() + 5;
            browser.await(() -> assertThat(application()).isGreaterThan(answers));
        }
    }

    /** How often the page has asked the application. */
    private static int application() {
        return ((Long) browser.js("return performance.getEntriesByType('resource')"
                        + ".filter(one => /kafkabackpressure[?]/.test(one.name)).length;"))
                .intValue();
    }
}
