package io.github.kafkabackpressure.parity;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.parity.ParityApps.Run;
import io.github.kafkabackpressure.parity.ParityApps.Seen;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import javax.sql.DataSource;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.h2.jdbcx.JdbcConnectionPool;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.support.JdbcTransactionManager;
import org.springframework.kafka.listener.DefaultErrorHandler;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;
import org.springframework.transaction.PlatformTransactionManager;
import org.springframework.transaction.annotation.EnableTransactionManagement;
import org.springframework.transaction.annotation.Transactional;
import org.springframework.transaction.support.TransactionSynchronization;
import org.springframework.transaction.support.TransactionSynchronizationManager;
import org.springframework.util.backoff.FixedBackOff;

/** Listeners that write to a database within a transaction: the same with both annotations. */
@EmbeddedKafka(partitions = 1)
class DatabaseParityIT {

    private static ParityApps apps;

    @BeforeAll
    static void start(EmbeddedKafkaBroker broker) {
        apps = new ParityApps(broker, List.of(Database.class, Storing.class));
    }

    @AfterAll
    static void stop() {
        apps.close();
    }

    @Configuration(proxyBeanMethods = false)
    @EnableTransactionManagement(proxyTargetClass = true)
    static class Database {

        @Bean(destroyMethod = "dispose")
        JdbcConnectionPool dataSource() {
            return JdbcConnectionPool.create("jdbc:h2:mem:" + UUID.randomUUID() + ";DB_CLOSE_DELAY=-1", "", "");
        }

        @Bean
        PlatformTransactionManager transactionManager(DataSource dataSource) {
            return new JdbcTransactionManager(dataSource);
        }

        @Bean
        JdbcTemplate jdbc(DataSource dataSource) {
            JdbcTemplate jdbc = new JdbcTemplate(dataSource);
            jdbc.execute("create table stored (text varchar(100))");
            return jdbc;
        }

        @Bean
        DefaultErrorHandler errorHandler(Seen seen) {
            return new DefaultErrorHandler(
                    (record, exception) -> seen.add("recovered", record.value()), new FixedBackOff(10, 2));
        }
    }

    static class Storing {

        private final Seen seen;

        private final JdbcTemplate jdbc;

        private final String group;

        private final Map<String, Integer> attempts = new ConcurrentHashMap<>();

        Storing(Seen seen, JdbcTemplate jdbc, @Value("${run}.stored") String group) {
            this.seen = seen;
            this.jdbc = jdbc;
            this.group = group;
        }

        @Transactional
        @BackpressuredListener(id = "stored")
        public void stored(ConsumerRecord<String, String> record) {
            TransactionSynchronizationManager.registerSynchronization(new TransactionSynchronization() {
                @Override
                public void afterCommit() {
                    boolean ahead = apps.committed(group, record.topic()) > record.offset();
                    seen.add("database", record.value() + (ahead ? " after" : " before") + " its offset");
                }
            });
            jdbc.update("insert into stored values (?)", record.value());
            seen.add("stored", record.value());
            int attempt = attempts.merge(record.value(), 1, Integer::sum);
            if (record.value().contains("always") || (record.value().contains("once") && attempt == 1)) {
                throw new IllegalStateException(record.value());
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void whatAFailedAttemptStoredIsRolledBackAndTheOffsetFollowsTheDatabase(Run run) {
        apps.of(run, "stored")
                .sends("a", "fails once", "fails always", "d")
                .sees("a", "fails once", "fails once", "fails always", "fails always", "fails always", "d")
                .commits(4);
        assertThat(apps.bean(run, JdbcTemplate.class).queryForList("select text from stored", String.class))
                .containsExactly("a", "fails once", "d");
        assertThat(apps.seen(run, "recovered")).containsExactly("fails always");
        assertThat(apps.seen(run, "database"))
                .containsExactly("a before its offset", "fails once before its offset", "d before its offset");
    }
}
