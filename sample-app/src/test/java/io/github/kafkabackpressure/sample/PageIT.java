package io.github.kafkabackpressure.sample;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.openqa.selenium.By;
import org.openqa.selenium.Keys;

/** The live page in a browser, below a proxy's path, with an endpoint that says what is rare or much. */
class PageIT {

    private static final List<String> NO_PRODUCERS = List.of();

    /** Notes how long the page works on an answer, from its text to the next task: parsing included. */
    private static final String WATCH = """
            window.spent = [];
            Response.prototype.json = async function () {
              const text = await this.text();
              const begun = performance.now();
              const next = new MessageChannel();
              next.port1.onmessage = () => window.spent.push(performance.now() - begun);
              next.port2.postMessage(null);
              return JSON.parse(text);
            };""";

    private static Browser browser;

    @BeforeAll
    static void startBrowser() {
        browser = Browser.start();
    }

    @AfterAll
    static void stopBrowser() {
        if (browser != null) {
            browser.close();
        }
    }

    private static String one(String state, int maxInFlight) {
        return Answers.listener("payments", "orders", state, maxInFlight, 12, 1);
    }

    private static Supplier<String> always(String answer) {
        return () -> answer;
    }

    @Test
    void aNameIsNeverMoreThanText() throws IOException {
        String name = "<img src=x onerror=alert(1)>";
        String answer = Answers.of(
                true,
                List.of(Answers.listener(name, name, "running", 300, 3, 1)),
                List.of(Answers.producer(name, "normal", 1)));
        try (FakeApplication application = new FakeApplication(always(answer))) {
            browser.open(application.url("#/"));
            browser.await(() -> assertThat(browser.text(".overview .name a")).isEqualTo(name));
            browser.find(By.cssSelector(".overview .name a")).click();
            browser.await(() -> {
                assertThat(browser.text("h2")).isEqualTo(name);
                assertThat(browser.find(By.cssSelector(".strip button")).getAttribute("data-tip"))
                        .startsWith(name + "-0");
                assertThat(browser.text("tbody td")).startsWith(name);
            });
            browser.open(application.url("#/producers"));
            browser.await(() -> assertThat(browser.text(".overview .name")).isEqualTo(name));
            assertThat(browser.all("img")).isEmpty();
            assertThat(browser.complaints()).isEmpty();
        }
    }

    @Test
    void whereThereIsNothingItSaysWhatToDo() throws IOException {
        try (FakeApplication application = new FakeApplication(always(Answers.of(true, List.of(), NO_PRODUCERS)))) {
            browser.open(application.url("#/"));
            browser.await(() -> assertThat(browser.text(".empty")).contains("@BackpressuredListener"));
            browser.open(application.url("#/producers"));
            browser.await(() -> assertThat(browser.text(".empty")).contains("BackpressuredKafkaTemplate"));
            browser.open(application.url("#/listener/gone"));
            browser.await(() -> assertThat(browser.text(".error")).contains("No listener of this id"));
        }
    }

    @Test
    void aCutConnectionIsShownAndHeals() throws IOException {
        try (FakeApplication application =
                new FakeApplication(() -> Answers.of(true, List.of(one("running", 300)), NO_PRODUCERS))) {
            browser.open(application.url("#/"));
            browser.await(() -> assertThat(browser.text("#connection")).contains("Live"));
            application.cut();
            browser.await(() -> assertThat(browser.text("#connection")).contains("Connection lost"));
            application.heal();
            browser.await(() -> assertThat(browser.text("#connection")).contains("Live"));
        }
        browser.complaints(); // of what could not be asked meanwhile
    }

    @Test
    void aPageThatIsHiddenAsksForNothing() throws Exception {
        try (FakeApplication application =
                new FakeApplication(() -> Answers.of(true, List.of(one("running", 300)), NO_PRODUCERS))) {
            browser.open(application.url("#/"));
            browser.await(() -> assertThat(application.reads()).isGreaterThan(1));
            browser.js("Object.defineProperty(document, 'hidden', {get: () => window.away, configurable: true});"
                    + "window.away = true; document.dispatchEvent(new Event('visibilitychange'));");
            TimeUnit.MILLISECONDS.sleep(300); // what is being asked is answered
            int reads = application.reads();
            TimeUnit.MILLISECONDS.sleep(2_500);
            assertThat(application.reads()).isEqualTo(reads);
            browser.js("window.away = false; document.dispatchEvent(new Event('visibilitychange'));");
            browser.await(() -> assertThat(application.reads()).isGreaterThan(reads));
        }
    }

    @Test
    void whereItMayNotBeWrittenThereAreNoControls() throws IOException {
        try (FakeApplication application = new FakeApplication(always(Answers.of(
                false, List.of(one("running", 300)), List.of(Answers.producer("template", "full", 10_000)))))) {
            browser.open(application.url("#/listener/payments"));
            browser.await(() -> assertThat(browser.text(".state")).isEqualTo("running"));
            assertThat(browser.button("Pause").isDisplayed()).isFalse();
            browser.open(application.url("#/producers"));
            browser.await(() -> assertThat(browser.text(".state")).isEqualTo("full"));
            assertThat(browser.button("Flush").isDisplayed()).isFalse();
        }
    }

    @Test
    void whatIsRefusedIsSaidInTheWordsOfTheApplication() throws IOException {
        try (FakeApplication application =
                new FakeApplication(always(Answers.of(true, List.of(one("running", 300)), NO_PRODUCERS)))) {
            application.onWrite((path, body) -> null);
            browser.open(application.url("#/listener/payments"));
            browser.await(() -> browser.button("Pause").click());
            browser.await(() -> assertThat(browser.text("#confirm-text")).isEqualTo("that cannot be"));
            browser.button("Close").click();
            browser.complaints(); // of the refusal
        }
    }

    @Test
    void allCanBeDoneWithTheKeyboardAlone() throws IOException {
        try (FakeApplication application =
                new FakeApplication(() -> Answers.of(true, List.of(one("running", 300)), NO_PRODUCERS))) {
            browser.open(application.url("#/"));
            browser.await(() -> assertThat(browser.text(".overview .name a")).isEqualTo("payments"));
            tabTo("payments");
            browser.focused().sendKeys(Keys.ENTER);
            browser.await(() -> assertThat(browser.text("h2")).isEqualTo("payments"));
            assertThat(browser.focused().getTagName()).isEqualTo("main");
            tabTo("Pause");
            browser.focused().sendKeys(Keys.ENTER);
            browser.await(() -> assertThat(application.writes()).containsExactly("payments/pause {}"));
            assertThat(browser.text("#said")).isIn("", "payments: pause done");

            tabTo("Drain");
            browser.focused().sendKeys(Keys.ENTER);
            browser.await(() -> assertThat(browser.text("#confirm-title")).isEqualTo("drain payments?"));
            assertThat(browser.js("return document.activeElement.closest('dialog') !== null;"))
                    .isEqualTo(true);
            browser.focused().sendKeys(Keys.ESCAPE);
            browser.await(() ->
                    assertThat(browser.find(By.id("confirm")).isDisplayed()).isFalse());
            assertThat(browser.focused().getText()).isEqualTo("Drain");

            browser.focused().sendKeys(Keys.ENTER);
            browser.await(() ->
                    assertThat(browser.find(By.id("confirm")).isDisplayed()).isTrue());
            tabTo("Drain");
            browser.focused().sendKeys(Keys.ENTER);
            browser.await(
                    () -> assertThat(application.writes()).containsExactly("payments/pause {}", "payments/drain {}"));

            browser.js("document.querySelector('.strip button').focus();");
            assertThat(browser.text("#tip")).contains("orders-0").contains("in flight");
        }
    }

    private static void tabTo(String text) {
        for (int tabs = 0; tabs < 40; tabs++) {
            browser.focused().sendKeys(Keys.TAB);
            if (browser.focused().getText().equals(text)) {
                assertThat(browser.js("return document.activeElement.matches(':focus-visible');"))
                        .isEqualTo(true);
                return;
            }
        }
        throw new AssertionError("the focus does not come to " + text);
    }

    /** With every state that there is, at both widths, light and dark. */
    @Test
    void everybodyCanUseItAndNothingIsCutOff() throws IOException {
        List<String> listeners = List.of(
                one("running", 300),
                Answers.listener(
                        "a-listener-with-quite-a-long-name.of-some-module", "orders", "paused", 120_000, 40, 7),
                Answers.listener("stopped", "orders", "stopped", 300, 0, 4),
                Answers.listener("failed", "orders", "failed", 300, 8, 5));
        List<String> producers = List.of(
                Answers.producer("backpressuredKafkaTemplate", "normal", 120),
                Answers.producer("orders", "pressured", 8_500),
                Answers.producer("audit", "full", 10_000));
        try (FakeApplication application = new FakeApplication(() -> Answers.of(true, listeners, producers))) {
            for (String view : List.of("#/", "#/producers", "#/listener/payments", "#/listener/failed")) {
                for (int width : new int[] {Browser.WIDE, Browser.NARROW}) {
                    browser.size(width).dark(width == Browser.NARROW).open(application.url(view));
                    browser.await(() -> assertThat(browser.all(".state")).isNotEmpty());
                    if (view.endsWith("payments")) {
                        browser.await(() -> assertThat(browser.all("canvas")).hasSize(4));
                    }
                    browser.screenshot("states-" + view.replaceAll("\\W", "") + "-" + width, 0);
                    browser.assertNothingIsCutOff();
                    browser.assertAccessible();
                }
            }
        } finally {
            browser.size(Browser.WIDE).dark(false);
        }
    }

    /** Each second all numbers of 50 listeners with 100 partitions each change. */
    @Test
    void fiftyListenersOfAHundredPartitionsTakeLessThan50MillisecondsASecond() throws IOException {
        AtomicInteger seed = new AtomicInteger();
        Object watch = browser.cdp("Page.addScriptToEvaluateOnNewDocument", Map.of("source", WATCH))
                .get("identifier");
        try (FakeApplication application = new FakeApplication(() -> Answers.of(
                true,
                IntStream.range(0, 50)
                        .mapToObj(i -> Answers.listener(
                                "listener-" + i, "topic-" + i, "running", 300, 100, seed.incrementAndGet()))
                        .toList(),
                NO_PRODUCERS))) {
            double overview = millisOfAnAnswer(application.url("#/"));
            double listener = millisOfAnAnswer(application.url("#/listener/listener-7"));
            System.out.printf(
                    "50 listeners of 100 partitions: an answer takes %.1f ms of script in the overview, %.1f ms for a listener%n",
                    overview, listener);
            assertThat(overview).isLessThan(50);
            assertThat(listener).isLessThan(50);
        } finally {
            browser.cdp("Page.removeScriptToEvaluateOnNewDocument", Map.of("identifier", watch));
        }
    }

    /** One of the quickest answers, as other programs run meanwhile: what the page itself needs. */
    private static double millisOfAnAnswer(String url) {
        browser.open(url);
        browser.await(() ->
                assertThat((Long) browser.js("return window.spent.length;")).isGreaterThan(7));
        return ((Number) browser.js("return window.spent.slice(1).sort((a, b) => a - b)[1];")).doubleValue();
    }

    /** Hundreds of answers, as fast as they can be had. */
    @Test
    void aTabThatIsLeftOpenTakesNoMoreMemory() throws IOException {
        AtomicInteger seed = new AtomicInteger();
        Object hurry = browser.cdp(
                        "Page.addScriptToEvaluateOnNewDocument",
                        Map.of(
                                "source",
                                "const slow = setTimeout; window.setTimeout = (f, millis) => slow(f, millis / 1000);"))
                .get("identifier");
        try (FakeApplication application = new FakeApplication(() -> Answers.of(
                true,
                List.of(Answers.listener("payments", "orders", "running", 300, 8, seed.incrementAndGet())),
                NO_PRODUCERS))) {
            browser.cdp("Performance.enable", Map.of());
            browser.open(application.url("#/listener/payments"));
            browser.await(() -> assertThat(application.reads()).isGreaterThan(100));
            double early = heap();
            browser.await(() -> assertThat(application.reads()).isGreaterThan(300));
            double late = heap();
            System.out.printf(
                    "The page's heap after 100 answers: %.1f MB, after 300: %.1f MB%n", early / 1e6, late / 1e6);
            assertThat(late).isLessThan(early + 2e6).isLessThan(100e6);
        } finally {
            browser.cdp("Page.removeScriptToEvaluateOnNewDocument", Map.of("identifier", hurry));
        }
    }

    private static double heap() {
        browser.cdp("HeapProfiler.collectGarbage", Map.of());
        return metric("JSHeapUsedSize");
    }

    private static double metric(String name) {
        List<?> metrics =
                (List<?>) browser.cdp("Performance.getMetrics", Map.of()).get("metrics");
        return metrics.stream()
                .map(metric -> (Map<?, ?>) metric)
                .filter(metric -> name.equals(metric.get("name")))
                .mapToDouble(metric -> ((Number) metric.get("value")).doubleValue())
                .findFirst()
                .orElseThrow();
    }
}
