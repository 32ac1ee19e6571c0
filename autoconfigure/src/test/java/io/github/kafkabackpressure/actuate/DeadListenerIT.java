package io.github.kafkabackpressure.actuate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.listener.ListenerSnapshot.State;
import io.github.kafkabackpressure.test.Scenario;
import java.time.Duration;
import java.util.List;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;
import org.junit.jupiter.api.Test;
import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.Status;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;

/** A listener that may not read (Z1). */
@EmbeddedKafka(
        partitions = 1,
        brokerProperties = {
            "offsets.topic.num.partitions=1",
            "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "allow.everyone.if.no.acl.found=true"
        })
class DeadListenerIT {

    private final String brokers;

    DeadListenerIT(EmbeddedKafkaBroker broker) {
        this.brokers = broker.getBrokersAsString();
    }

    @Test
    void healthAndTheSnapshotShowWhyAListenerDiedAndTheContextClosesAtOnce() throws Exception {
        Scenario.Builder builder = Scenario.of(brokers, "forbidden");
        try (Scenario scenario = builder.prepare()) {
            scenario.admin()
                    .createAcls(List.of(
                            entry(AclOperation.ALL, AclPermissionType.ALLOW),
                            entry(AclOperation.READ, AclPermissionType.DENY)))
                    .all()
                    .get();
            scenario.sendTo(0, 10);
            scenario.startApplication(builder);

            await().until(() -> scenario.snapshot().state() == State.FAILED);
            BackpressureHealthIndicator indicator = scenario.context().getBean(BackpressureHealthIndicator.class);
            await().until(() -> indicator.health().getStatus().equals(Status.DOWN));
            Health health = indicator.health();
            assertThat(health.getDetails().toString()).contains("TopicAuthorizationException", "forbidden");
            assertThat(scenario.snapshot().failure()).isNotNull();

            long began = System.nanoTime();
            scenario.closeApplication();
            assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(Duration.ofSeconds(5));
        }
    }

    private static AclBinding entry(AclOperation operation, AclPermissionType permission) {
        return new AclBinding(
                new ResourcePattern(ResourceType.TOPIC, "forbidden", PatternType.LITERAL),
                new AccessControlEntry("User:*", "*", operation, permission));
    }
}
