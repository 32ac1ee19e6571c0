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

    private static Answers.Listener one(String state, int maxInFlight) {
        return Answers.listener("payments", "orders", state, maxInFlight, 12, 1);
    }

    private static Supplier<Answers> always(Answers answer) {
        return () -> answer;
    }

    @Test
    void aNameIsNeverMoreThanText() throws IOException {
        String name = "<img src=x onerror=alert(1)>";
        Answers answer = new Answers(
                true,
                List.of(Answers.listener(name, name, "running", 300, 3, 1)),
                List.of(Answers.producer(name, "normal", 1)));
        try (FakeApplication application = new FakeApplication(always(answer))) {
            browser.open(application.url("#/"));
            browser.await(() -> assertThat(browser.text(".overview .name a")).isEqualTo(name));
            browser.find(By.cssSelector(".overview .name a")).click();
            browser.await(() -> {
                assertThat(browser.text("h2")).isEqualTo(name);
                assertThat(browser.find(By.cssSelector(".strip button")).getAttribute("aria-label"))
                        .startsWith(name + "-0");
                assertThat(browser.text("[aria-label='Slowest running records'] td"))
                        .startsWith(name);
            });
            browser.open(application.url("#/producers"));
            browser.await(() -> assertThat(browser.text(".overview .name")).isEqualTo(name));
            assertThat(browser.all("img")).isEmpty();
            assertThat(browser.complaints()).isEmpty();
        }
    }

    @Test
    void whereThereIsNothingItSaysWhatToDo() throws IOException {
        try (FakeApplication application = new FakeApplication(always(new Answers(true, List.of(), NO_PRODUCERS)))) {
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
                new FakeApplication(() -> new Answers(true, List.of(one("running", 300)), NO_PRODUCERS))) {
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
                new FakeApplication(() -> new Answers(true, List.of(one("running", 300)), NO_PRODUCERS))) {
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
        try (FakeApplication application = new FakeApplication(always(new Answers(
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
                new FakeApplication(always(new Answers(true, List.of(one("running", 300)), NO_PRODUCERS)))) {
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
                new FakeApplication(() -> new Answers(true, List.of(one("running", 300)), NO_PRODUCERS))) {
            browser.open(application.url("#/"));
            browser.await(() -> assertThat(browser.text(".overview .name a")).isEqualTo("payments"));
            tabTo("payments");
            browser.focused().sendKeys(Keys.ENTER);
            browser.await(() -> assertThat(browser.text("h2")).isEqualTo("payments"));
            assertThat(browser.focused().getTagName()).isEqualTo("main");
            tabTo("Pause");
            browser.focused().sendKeys(Keys.ENTER);
            browser.await(() -> assertThat(application.writes()).containsExactly("payments/pause {}"));
            browser.await(() -> assertThat(browser.text("#told")).isEqualTo("payments is paused"));

            tabTo("Drain");
            browser.focused().sendKeys(Keys.ENTER);
            browser.await(() -> assertThat(browser.text("#confirm-title")).isEqualTo("Drain payments?"));
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
        List<Answers.Listener> listeners = List.of(
                one("running", 300),
                Answers.listener(
                        "a-listener-with-quite-a-long-name.of-some-module", "orders", "paused", 120_000, 40, 7),
                Answers.listener("stopped", "orders", "stopped", 300, 0, 4),
                Answers.listener("failed", "orders", "failed", 300, 8, 5));
        List<String> producers = List.of(
                Answers.producer("backpressuredKafkaTemplate", "normal", 120),
                Answers.producer("orders", "pressured", 8_500),
                Answers.producer("audit", "full", 10_000));
        try (FakeApplication application = new FakeApplication(() -> new Answers(true, listeners, producers))) {
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

    @Test
    void alarmsAndReasonsOfDropsAreShown() throws IOException {
        Answers.Listener alarmed = Answers.alarmed(one("running", 300), "orders");
        try (FakeApplication application =
                new FakeApplication(always(new Answers(true, List.of(alarmed), NO_PRODUCERS)))) {
            browser.open(application.url("#/"));
            browser.await(() -> assertThat(browser.text(".overview .alarms")).contains("1 alarm"));
            browser.open(application.url("#/listener/payments"));
            browser.await(() -> {
                assertThat(browser.text(".alarm")).contains("slow record", "orders-0@7209", "has not returned");
                assertThat(browser.text("[aria-label='How records have ended'] tbody"))
                        .contains("max age 17", "newer record 1,201", "a newer one with the same key came");
            });
        }
        try (FakeApplication application =
                new FakeApplication(always(new Answers(true, List.of(one("running", 300)), NO_PRODUCERS)))) {
            browser.open(application.url("#/listener/payments"));
            browser.await(() -> assertThat(browser.text(".state")).isEqualTo("running"));
            assertThat(browser.find(By.cssSelector(".alarm")).isDisplayed()).isFalse();
        }
    }

    @Test
    void enterInTheFormOfTheLimitsAsksBackAndTheNextOneIsNoYes() throws IOException {
        try (FakeApplication application =
                new FakeApplication(() -> new Answers(true, List.of(one("running", 300)), NO_PRODUCERS))) {
            browser.open(application.url("#/listener/payments"));
            browser.await(
                    () -> assertThat(browser.find(By.name("maxConcurrency")).isDisplayed())
                            .isTrue());
            browser.find(By.name("maxConcurrency")).sendKeys("32", Keys.ENTER);
            browser.await(() -> assertThat(browser.text("#confirm-text")).contains("Max concurrency from 16 to 32"));
            browser.focused().sendKeys(Keys.ENTER); // on Cancel
            browser.await(() ->
                    assertThat(browser.find(By.id("confirm")).isDisplayed()).isFalse());
            assertThat(application.writes()).isEmpty();
            assertThat(browser.find(By.name("maxConcurrency")).getAttribute("value"))
                    .isEqualTo("32");

            browser.find(By.name("maxConcurrency")).sendKeys(Keys.ENTER);
            tabTo("Change");
            browser.focused().sendKeys(Keys.ENTER);
            browser.await(() -> assertThat(application.writes()).containsExactly("payments {\"maxConcurrency\":32}"));
            browser.await(() -> assertThat(browser.text("#told")).contains("max concurrency from 16 to 32"));
            browser.await(
                    () -> assertThat(browser.find(By.name("maxConcurrency")).getAttribute("value"))
                            .isEmpty());
        }
    }

    @Test
    void limitsThatCannotBeSetAreNotOffered() throws IOException {
        Answers.Listener limited = one("running", 300);
        limited = new Answers.Listener(
                "payments",
                limited.brief().replace("\"rateLimitRate\": null", "\"rateLimitRate\": 50"),
                limited.details());
        List<Answers.Listener> listeners = List.of(limited, Answers.listener("free", "orders", "running", 300, 12, 1));
        try (FakeApplication application = new FakeApplication(always(new Answers(true, listeners, NO_PRODUCERS)))) {
            browser.open(application.url("#/listener/payments"));
            browser.await(
                    () -> assertThat(browser.find(By.name("rateLimitRate")).getAttribute("placeholder"))
                            .isEqualTo("50"));
            assertThat(browser.find(By.name("rateLimitRate")).isDisplayed()).isTrue();
            browser.open(application.url("#/listener/free"));
            browser.await(() -> assertThat(browser.find(By.name("maxInFlight")).isDisplayed())
                    .isTrue());
            assertThat(browser.find(By.name("rateLimitRate")).isDisplayed()).isFalse();
            assertThat(browser.find(By.name("maxInFlightBytes")).isDisplayed()).isFalse();
        }
    }

    @Test
    void onePartitionIsLookedAtAndPaused() throws IOException {
        AtomicInteger seed = new AtomicInteger();
        try (FakeApplication application = new FakeApplication(() -> new Answers(
                true,
                List.of(Answers.listener("payments", "orders", "running", 300, 12, seed.getAndAdd(12))),
                NO_PRODUCERS))) {
            browser.open(application.url("#/listener/payments"));
            browser.await(() -> assertThat(browser.all(".strip button")).hasSize(12));
            assertThat(browser.all(".strip button[tabindex='0']")).hasSize(1);
            browser.js("document.querySelector('.strip button').focus();");
            browser.focused().sendKeys(Keys.ARROW_RIGHT);
            assertThat(browser.focused().getText()).isEqualTo("1");
            browser.focused().sendKeys(Keys.END);
            assertThat(browser.focused().getText()).isEqualTo("11");
            browser.focused().sendKeys(Keys.ARROW_LEFT, Keys.ENTER);
            browser.await(() -> assertThat(browser.text(".detail")).contains("orders-10", "in flight"));
            String told = browser.text(".detail");
            browser.await(() -> assertThat(browser.text(".detail")).isNotEqualTo(told)); // it is kept up to date
            browser.button("Pause this partition").click();
            browser.await(() -> assertThat(application.writes())
                    .containsExactly("payments/pause {\"topic\":\"orders\",\"partition\":10}"));
        }
    }

    @Test
    void theTimelineSaysHowLongWhatHappenedTook() throws IOException {
        try (FakeApplication application = new FakeApplication(() -> new Answers(
                true, List.of(Answers.listener("payments", "orders", "running", 300, 12, 0)), NO_PRODUCERS))) {
            browser.open(application.url("#/listener/payments"));
            browser.await(() -> assertThat(browser.text("body")).contains("max in flight, 7.6 s"));
        }
    }

    /** When numbers get longer, nothing but they changes: no column, no panel moves. */
    @Test
    void numbersDoNotJumpAbout() throws IOException {
        AtomicInteger limit = new AtomicInteger(10);
        try (FakeApplication application = new FakeApplication(() -> new Answers(
                true,
                List.of(
                        Answers.listener("payments", "orders", "running", limit.get(), 12, limit.get()),
                        Answers.listener("other", "orders", "running", 300, 12, 1)),
                List.of(Answers.producer("template", "normal", limit.get()))))) {
            for (String view : List.of("#/", "#/producers", "#/listener/payments")) {
                limit.set(10);
                browser.open(application.url(view));
                browser.await(() -> assertThat(browser.all(".state")).isNotEmpty());
                if (view.endsWith("payments")) {
                    browser.await(() -> assertThat(browser.all("canvas")).hasSize(4));
                }
                Object before = browser.js(PLACES);
                int reads = application.reads();
                limit.set(8_000_000);
                browser.await(() -> assertThat(application.reads()).isGreaterThan(reads + 2));
                assertThat(browser.js(PLACES)).as(view).isEqualTo(before);
            }
        }
    }

    /** Else it would be said to grow in one second and to be gone in hours in the next. */
    @Test
    void whereAboutAsMuchArrivesAsIsHandledTheLagStands() throws IOException {
        List<Answers.Listener> listeners = List.of(
                arriving("drains", "600.0", "5300"),
                arriving("hardly-drains", "690.0", "3600000"),
                arriving("hardly-grows", "712.0", "null"),
                arriving("grows", "800.0", "null"));
        try (FakeApplication application = new FakeApplication(always(new Answers(true, listeners, NO_PRODUCERS)))) {
            browser.open(application.url("#/"));
            browser.await(() -> assertThat(browser.all("td[data-label='Lag · time to drain']"))
                    .extracting(cell -> cell.getText().replaceAll(".* · ", ""))
                    .containsExactly("5.3 s", "standing", "standing", "growing"));
        }
    }

    /** One that handles 701 records a second. */
    private static Answers.Listener arriving(String id, String perSecond, String timeToDrain) {
        Answers.Listener listener = Answers.listener(id, "orders", "running", 300, 12, 1);
        String brief = listener.brief()
                .replace("\"arrivedPerSecond\": 901.0", "\"arrivedPerSecond\": " + perSecond)
                .replace("\"timeToDrainMillis\": 5300", "\"timeToDrainMillis\": " + timeToDrain);
        return new Answers.Listener(id, brief, listener.details());
    }

    private static final String PLACES = """
            return [...document.querySelectorAll('td, dt, dd, .panel, .meter, .u-legend')]
              .filter(one => one.offsetParent && !one.closest('.list'))
              .map(one => [one.getBoundingClientRect(), one.className || one.tagName])
              .map(([at, name]) => `${name} ${Math.round(at.x)} ${Math.round(at.y)} ${Math.round(at.width)}`);""";

    /**
     * Each second all numbers of 50 listeners with 100 partitions each change. The page has less than 50 ms a second for that
     * on a core of its own, which is printed; a build that shares two cores with others has more.
     */
    @Test
    void fiftyListenersOfAHundredPartitionsLeaveThePageMostOfItsTime() throws IOException {
        AtomicInteger seed = new AtomicInteger();
        try (FakeApplication application = new FakeApplication(() -> new Answers(
                true,
                IntStream.range(0, 50)
                        .mapToObj(i -> Answers.listener(
                                "listener-" + i, "topic-" + i, "running", 300, 100, seed.incrementAndGet()))
                        .toList(),
                NO_PRODUCERS))) {
            browser.cdp("Performance.enable", Map.of());
            double overview = millisOfAnAnswer(application, "#/");
            double listener = millisOfAnAnswer(application, "#/listener/listener-7");
            System.out.printf(
                    "50 listeners of 100 partitions: an answer takes %.1f ms of the page's thread in the overview, %.1f ms for a"
                            + " listener%n",
                    overview, listener);
            assertThat(overview).isLessThan(250);
            assertThat(listener).isLessThan(250);
        }
    }

    /**
     * What the page's thread works for an answer, layout and painting included. The least of several, as other programs run
     * meanwhile.
     */
    private static double millisOfAnAnswer(FakeApplication application, String view) {
        browser.open(application.url(view));
        browser.await(() -> assertThat(browser.all(".state")).isNotEmpty());
        int begun = application.reads();
        browser.await(() -> assertThat(application.reads()).isGreaterThan(begun + 2)); // its code is compiled
        double least = Double.MAX_VALUE;
        for (int look = 0; look < 3; look++) {
            double before = metric("TaskDuration");
            int reads = application.reads();
            browser.await(() -> assertThat(application.reads()).isGreaterThan(reads + 1));
            least = Math.min(least, (metric("TaskDuration") - before) * 1000 / (application.reads() - reads));
        }
        return least;
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
        try (FakeApplication application = new FakeApplication(() -> new Answers(
                true,
                List.of(Answers.listener("payments", "orders", "running", 300, 8, seed.incrementAndGet())),
                NO_PRODUCERS))) {
            browser.cdp("Performance.enable", Map.of());
            browser.open(application.url("#/listener/payments"));
            browser.await(() -> assertThat(application.reads()).isGreaterThan(50));
            double early = heap();
            browser.await(() -> assertThat(application.reads()).isGreaterThan(150));
            double late = heap();
            System.out.printf(
                    "The page's heap after 50 answers: %.1f MB, after 150: %.1f MB%n", early / 1e6, late / 1e6);
            assertThat(late).isLessThan(early + 2e6).isLessThan(100e6);
        } finally {
            browser.cdp("Page.removeScriptToEvaluateOnNewDocument", Map.of("identifier", hurry));
        }
    }

    /** An hour is kept of what comes in eight hours, and all of it is drawn. */
    @Test
    void ofATabThatIsOpenForHoursTheNewestHourIsKeptAndDrawn() throws IOException {
        try (FakeApplication application =
                new FakeApplication(always(new Answers(true, List.of(one("running", 300)), NO_PRODUCERS)))) {
            browser.cdp("Performance.enable", Map.of());
            browser.open(application.url("#/"));
            browser.await(() -> assertThat(browser.all(".state")).isNotEmpty());
            List<Object> points = List.copyOf((List<?>) browser.async(HOURS));
            assertThat(points).containsOnly(3600L).hasSize(4 * 21);
            assertThat(heap()).isLessThan(100e6);
        }
    }

    private static final String HOURS = """
            const done = arguments[arguments.length - 1];
            (async () => {
              const { History } = await import('./kafkabackpressuredashboard/history.js');
              const { plotsOfListener } = await import('./kafkabackpressuredashboard/plots.js');
              const answer = await (await fetch('kafkabackpressure?details=')).json();
              const one = answer.listeners[0];
              answer.listeners = Array.from({ length: 20 }, (unused, at) => ({ ...one, id: `listener-${at}` }));
              const history = window.hours = new History();
              const plots = plotsOfListener();
              document.getElementById('main').append(...plots.map(plot => plot.root));
              const points = [];
              for (let second = 0; second < 8 * 3600; second++) {
                answer.time = new Date(1.8e12 + second * 1000).toISOString();
                history.add(answer);
                if (second >= 3600 && second % 1200 === 0) {
                  plots.forEach(plot => plot.update(history, 'listener-7', 3600));
                  await new Promise(requestAnimationFrame);
                  plots.forEach(plot => points.push(plot.plot.data[0].length));
                }
              }
              done(points);
            })().catch(failure => done([failure.toString()]));""";

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
