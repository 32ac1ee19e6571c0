package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.sql.Connection;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.logging.Logger;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;
import org.springframework.context.support.GenericApplicationContext;
import org.springframework.core.env.MapPropertySource;

class StartWarningsTests {

    private static List<String> warnings(
            Map<String, Object> settings, Duration maxPollInterval, GenericApplicationContext context) {
        ListenerOptions options =
                ListenerOptions.of(List.of(new ListenerOptions.Source(ListenerSettings.of(settings), key -> key)));
        return StartWarnings.of(options, maxPollInterval, key -> key, context);
    }

    private static GenericApplicationContext context(Map<String, Object> properties) {
        GenericApplicationContext context = new GenericApplicationContext();
        context.getEnvironment().getPropertySources().addFirst(new MapPropertySource("test", properties));
        return context;
    }

    @Test
    void settingsThatFitTogetherAreNoWarning() {
        try (GenericApplicationContext context = context(Map.of())) {
            context.refresh();
            assertThat(warnings(Map.of(), Duration.ofMinutes(5), context)).isEmpty();
        }
    }

    @Test
    void settingsThatFightAreNamedWithWhatToDo() {
        try (GenericApplicationContext context = context(Map.of())) {
            context.registerBean("pool", DataSource.class, () -> new Pool(5));
            context.refresh();

            assertThat(warnings(Map.of("drain-timeout", "8s"), Duration.ofSeconds(10), context))
                    .hasSize(2)
                    .anySatisfy(warning -> assertThat(warning).contains("drain-timeout", "max.poll.interval.ms"))
                    .anySatisfy(warning -> assertThat(warning).contains("16 workers", "pool of 5"));
        }
    }

    /** A pool of connections as far as anybody looks at it. */
    public static final class Pool implements DataSource {

        private final int size;

        Pool(int size) {
            this.size = size;
        }

        public int getMaximumPoolSize() {
            return size;
        }

        @Override
        public Connection getConnection() {
            throw new UnsupportedOperationException();
        }

        @Override
        public Connection getConnection(String username, String password) {
            throw new UnsupportedOperationException();
        }

        @Override
        public PrintWriter getLogWriter() {
            throw new UnsupportedOperationException();
        }

        @Override
        public void setLogWriter(PrintWriter out) {}

        @Override
        public void setLoginTimeout(int seconds) {}

        @Override
        public int getLoginTimeout() {
            return 0;
        }

        @Override
        public Logger getParentLogger() {
            throw new UnsupportedOperationException();
        }

        @Override
        public <T> T unwrap(Class<T> type) {
            throw new UnsupportedOperationException();
        }

        @Override
        public boolean isWrapperFor(Class<?> type) {
            return false;
        }
    }
}
