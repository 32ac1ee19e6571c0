package io.github.kafkabackpressure.sample;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.logging.Level;
import org.awaitility.Awaitility;
import org.awaitility.core.ThrowingRunnable;
import org.openqa.selenium.By;
import org.openqa.selenium.JavascriptExecutor;
import org.openqa.selenium.WebDriverException;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.chrome.ChromeDriverService;
import org.openqa.selenium.chrome.ChromeOptions;
import org.openqa.selenium.logging.LogEntry;
import org.openqa.selenium.logging.LogType;
import org.openqa.selenium.logging.LoggingPreferences;
import org.springframework.core.io.support.PathMatchingResourcePatternResolver;

/**
 * A headless Chromium, the one that the system has: nothing is downloaded, and a test is skipped where there is none.
 *
 * <p>Threading: one thread at a time.
 */
final class Browser implements AutoCloseable {

    static final int WIDE = 1280;

    static final int NARROW = 390;

    private static final Path SCREENSHOTS = Path.of("target", "screenshots");

    /** As pages are asked once a second on machines that do much else. */
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private final ChromeDriver driver;

    private Browser(ChromeDriver driver) {
        this.driver = driver;
    }

    static Browser start() {
        File chromium = find("chromium");
        File chromedriver = find("chromedriver");
        ChromeOptions options = new ChromeOptions();
        options.setBinary(chromium);
        options.addArguments(
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--hide-scrollbars",
                "--no-first-run");
        LoggingPreferences logs = new LoggingPreferences();
        logs.enable(LogType.BROWSER, Level.ALL);
        options.setCapability("goog:loggingPrefs", logs);
        ChromeDriverService service = new ChromeDriverService.Builder()
                .usingDriverExecutable(chromedriver)
                .usingAnyFreePort()
                .withSilent(true)
                .build();
        return new Browser(new ChromeDriver(service, options)).size(WIDE);
    }

    private static File find(String program) {
        return Arrays.stream(System.getenv("PATH").split(File.pathSeparator, -1))
                .map(directory -> new File(directory, program))
                .filter(File::canExecute)
                .findFirst()
                .orElseGet(() -> abort("skipped: there is no " + program + " on this machine's PATH"));
    }

    Browser size(int width) {
        cdp(
                "Emulation.setDeviceMetricsOverride",
                Map.of(
                        "width",
                        width,
                        "height",
                        width == WIDE ? 800 : 844,
                        "deviceScaleFactor",
                        1,
                        "mobile",
                        width == NARROW));
        return this;
    }

    Browser dark(boolean dark) {
        cdp(
                "Emulation.setEmulatedMedia",
                Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", dark ? "dark" : "light"))));
        return this;
    }

    Browser open(String url) {
        driver.get("about:blank"); // else an address that differs in its fragment alone would load nothing
        complaints(); // those of the page before are none of this one's
        driver.get(url);
        return this;
    }

    Map<String, Object> cdp(String command, Map<String, Object> parameters) {
        return driver.executeCdpCommand(command, parameters);
    }

    Object js(String script, Object... arguments) {
        return ((JavascriptExecutor) driver).executeScript(script, arguments);
    }

    /** Runs a script that calls its last argument when it is done, and returns what that is given. */
    Object async(String script) {
        driver.manage().timeouts().scriptTimeout(Duration.ofSeconds(60));
        return driver.executeAsyncScript(script);
    }

    WebElement find(By by) {
        return driver.findElement(by);
    }

    List<WebElement> all(String css) {
        return driver.findElements(By.cssSelector(css));
    }

    String text(String css) {
        return driver.findElement(By.cssSelector(css)).getText();
    }

    /** The button of that name. */
    WebElement button(String name) {
        return driver.findElement(By.xpath("//button[normalize-space()='" + name + "']"));
    }

    WebElement focused() {
        return driver.switchTo().activeElement();
    }

    Browser intoFrame() {
        driver.switchTo().frame(0);
        return this;
    }

    Browser outOfFrame() {
        driver.switchTo().defaultContent();
        return this;
    }

    /** Waits until it holds; the page may change while it is looked at. */
    void await(ThrowingRunnable assertion) {
        Awaitility.await().atMost(PATIENCE).untilAsserted(() -> {
            try {
                assertion.run();
            } catch (WebDriverException | IndexOutOfBoundsException e) {
                throw new AssertionError("not yet: " + e.getMessage(), e);
            }
        });
    }

    /** What the page complained of in the console since it was last asked. */
    List<String> complaints() {
        return driver.manage().logs().get(LogType.BROWSER).getAll().stream()
                .filter(entry -> entry.getLevel().intValue() >= Level.SEVERE.intValue())
                .map(LogEntry::getMessage)
                .toList();
    }

    /** The whole page, as a picture below target/screenshots; not below the given height in pixels, if it is not 0. */
    Path screenshot(String name, int height) throws IOException {
        Map<?, ?> size = (Map<?, ?>) js("return {width: innerWidth, height: document.documentElement.scrollHeight};");
        Map<String, Object> clip = Map.of(
                "x",
                0,
                "y",
                0,
                "scale",
                1,
                "width",
                size.get("width"),
                "height",
                height > 0 ? height : size.get("height"));
        Map<String, Object> picture =
                cdp("Page.captureScreenshot", Map.of("format", "png", "captureBeyondViewport", true, "clip", clip));
        Files.createDirectories(SCREENSHOTS);
        return Files.write(
                SCREENSHOTS.resolve(name + ".png"), Base64.getDecoder().decode((String) picture.get("data")));
    }

    /** That nothing is wider than the page and no text is cut off by its own box. */
    void assertNothingIsCutOff() {
        assertThat(js("""
                const wide = document.documentElement.scrollWidth > innerWidth ? ['the page'] : [];
                const cut = [...document.querySelectorAll('h1, h2, h3, a, button, dt, dd, td, th, label, .caption, .state')]
                  .filter(one => one.offsetParent && !one.classList.contains('visually-hidden'))
                  .filter(one => one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).display !== 'inline')
                  .map(one => one.tagName + ' ' + one.className + ' ' + one.textContent);
                return wide.concat(cut);""")).isEqualTo(List.of());
    }

    /** That nobody is kept from using the page, as far as axe-core can tell. */
    void assertAccessible() throws IOException {
        try (InputStream axe = new PathMatchingResourcePatternResolver()
                .getResources("classpath*:META-INF/resources/webjars/axe-core/*/axe.min.js")[0].getInputStream()) {
            js(new String(axe.readAllBytes(), StandardCharsets.UTF_8));
        }
        Object violations = driver.executeAsyncScript("""
                const done = arguments[arguments.length - 1];
                axe.run().then(result => done(result.violations
                  .filter(one => one.impact === 'serious' || one.impact === 'critical')
                  .flatMap(one => one.nodes.map(node => one.id + ': ' + node.html + ' ' + node.failureSummary))));""");
        assertThat(violations).isEqualTo(List.of());
    }

    @Override
    public void close() {
        driver.quit();
    }
}
