package io.github.kafkabackpressure.parity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.PauseReason;
import io.github.kafkabackpressure.listener.BackpressuredMessageListenerContainer;
import io.github.kafkabackpressure.parity.ParityApps.Run;
import io.github.kafkabackpressure.parity.ParityApps.Seen;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.MemberDescription;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Lazy;
import org.springframework.context.annotation.Scope;
import org.springframework.context.event.EventListener;
import org.springframework.core.annotation.AliasFor;
import org.springframework.kafka.annotation.KafkaHandler;
import org.springframework.kafka.annotation.PartitionOffset;
import org.springframework.kafka.config.ContainerPostProcessor;
import org.springframework.kafka.event.ConcurrentContainerStoppedEvent;
import org.springframework.kafka.event.ConsumerStartedEvent;
import org.springframework.kafka.event.ConsumerStoppedEvent;
import org.springframework.kafka.event.KafkaEvent;
import org.springframework.kafka.event.ListenerContainerIdleEvent;
import org.springframework.kafka.event.ListenerContainerNoLongerIdleEvent;
import org.springframework.kafka.listener.AbstractConsumerSeekAware;
import org.springframework.kafka.listener.ConcurrentMessageListenerContainer;
import org.springframework.kafka.listener.MessageListenerContainer;
import org.springframework.kafka.listener.adapter.ConsumerRecordMetadata;
import org.springframework.kafka.support.Acknowledgment;
import org.springframework.kafka.support.KafkaHeaders;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;
import org.springframework.messaging.handler.annotation.Header;
import org.springframework.messaging.handler.annotation.Payload;
import org.springframework.stereotype.Component;

/** Acknowledgment, assignment, annotations, events and the control of containers: the same with both annotations. */
@EmbeddedKafka(
        partitions = 2,
        brokerProperties = {"auto.create.topics.enable=true"})
class ControlParityIT {

    private static ParityApps apps;

    @BeforeAll
    static void start(EmbeddedKafkaBroker broker) {
        for (String topic : List.of("offsets", "from-two", "relative")) {
            for (Run run : Run.values()) {
                broker.addTopicsWithResults(run.name(topic));
            }
        }
        apps = new ParityApps(
                broker,
                List.of(
                        Post.class,
                        Listeners.class,
                        Seeking.class,
                        Handling.class,
                        TwiceHandling.class,
                        OnDemand.class,
                        Prototype.class),
                "spring.kafka.consumer.properties.metadata.max.age.ms=500");
    }

    @AfterAll
    static void stop() {
        apps.close();
    }

    /** A user's own annotation. */
    @Target(ElementType.METHOD)
    @Retention(RetentionPolicy.RUNTIME)
    @BackpressuredListener(ordering = Ordering.KEY)
    @interface OwnListener {

        @AliasFor(annotation = BackpressuredListener.class, attribute = "topics")
        String[] value();

        @AliasFor(annotation = BackpressuredListener.class)
        String id();

        @AliasFor(annotation = BackpressuredListener.class)
        String groupId();
    }

    @Configuration(proxyBeanMethods = false)
    static class Post {

        @Bean
        ContainerPostProcessor<Object, Object, ConcurrentMessageListenerContainer<Object, Object>> idleSoon() {
            return container -> container.getContainerProperties().setIdleEventInterval(300L);
        }

        @Bean
        ContainerPostProcessor<Object, Object, ConcurrentMessageListenerContainer<Object, Object>> outOfOrder() {
            return container -> container.getContainerProperties().setAsyncAcks(true);
        }
    }

    static class Listeners {

        private final Seen seen;

        private final AtomicBoolean nacked = new AtomicBoolean();

        private final AtomicBoolean nackedLater = new AtomicBoolean();

        /** Those that are left to the test, by value. */
        private final Map<String, Acknowledgment> acknowledgments = new ConcurrentHashMap<>();

        Listeners(Seen seen) {
            this.seen = seen;
        }

        @EventListener
        void event(KafkaEvent event) {
            MessageListenerContainer container = event.getContainer(MessageListenerContainer.class);
            String id = container.getListenerId();
            if (event instanceof ConsumerStoppedEvent stopped) {
                seen.add("events " + id, "stopped " + stopped.getReason());
            } else if (event instanceof ConsumerStartedEvent
                    || event instanceof ConcurrentContainerStoppedEvent
                    || event instanceof ListenerContainerIdleEvent
                    || event instanceof ListenerContainerNoLongerIdleEvent) {
                seen.add("events " + id, event.getClass().getSimpleName());
            }
        }

        @BackpressuredListener(id = "acked", ackMode = "MANUAL")
        void acked(String value, Acknowledgment acknowledgment) {
            seen.add("acked", value);
            acknowledgment.acknowledge();
        }

        @BackpressuredListener(id = "immediate", ackMode = "MANUAL_IMMEDIATE")
        void immediate(String value, Acknowledgment acknowledgment) {
            seen.add("immediate", value);
            acknowledgment.acknowledge();
        }

        @BackpressuredListener(id = "nacked", ackMode = "MANUAL")
        void nacked(String value, Acknowledgment acknowledgment) {
            seen.add("nacked", value);
            if (value.equals("again") && !nacked.getAndSet(true)) {
                acknowledgment.nack(Duration.ofMillis(50));
            } else {
                acknowledgment.acknowledge();
            }
        }

        @BackpressuredListener(
                id = "acked-later",
                ackMode = "MANUAL",
                ordering = Ordering.UNORDERED,
                containerPostProcessor = "outOfOrder",
                autoStartup = "false")
        void ackedLater(String value, Acknowledgment acknowledgment) {
            acknowledgments.put(value, acknowledgment);
            seen.add("acked-later", value);
        }

        @BackpressuredListener(
                id = "never-acked",
                ackMode = "MANUAL",
                ordering = Ordering.UNORDERED,
                maxInFlight = "3",
                containerPostProcessor = "outOfOrder")
        void neverAcked(String value, Acknowledgment acknowledgment) {
            acknowledgments.put("never-" + value, acknowledgment);
            seen.add("never-acked", value);
        }

        @BackpressuredListener(id = "nacked-later", ackMode = "MANUAL", ordering = Ordering.KEY)
        void nackedLater(String value, Acknowledgment acknowledgment) {
            if (value.equals("again") && !nackedLater.getAndSet(true)) {
                acknowledgments.put("nacked-later", acknowledgment);
            } else {
                acknowledgment.acknowledge();
            }
            seen.add("nacked-later", value);
        }

        @BackpressuredListener(id = "nacked-late", ackMode = "MANUAL", drainTimeout = "100ms")
        void nackedLate(String value, Acknowledgment acknowledgment) {
            acknowledgments.put("late", acknowledgment);
            seen.add("nacked-late", value);
        }

        @BackpressuredListener(id = "static-restarted", properties = "group.instance.id=me")
        void staticRestarted(String value) {
            seen.add("static-restarted", value);
        }

        @BackpressuredListener(id = "growing")
        void growing(String value) {
            seen.add("growing", value);
        }

        @BackpressuredListener(
                id = "offsets",
                topicPartitions =
                        @org.springframework.kafka.annotation.TopicPartition(
                                topic = "${run}.offsets",
                                partitionOffsets = @PartitionOffset(partition = "0", initialOffset = "2")),
                autoStartup = "false")
        void offsets(String value) {
            seen.add("offsets", value);
        }

        @BackpressuredListener(
                id = "relative",
                topicPartitions =
                        @org.springframework.kafka.annotation.TopicPartition(
                                topic = "${run}.relative",
                                partitionOffsets = @PartitionOffset(partition = "0-1", initialOffset = "-1")),
                autoStartup = "false")
        void relative(String value) {
            seen.add("relative", value);
        }

        @BackpressuredListener(
                id = "no-group",
                idIsGroup = false,
                topicPartitions =
                        @org.springframework.kafka.annotation.TopicPartition(
                                topic = "${run}.no-group",
                                partitions = "0"))
        void noGroup(String value, Acknowledgment acknowledgment) {
            seen.add("no-group", value);
            acknowledgment.acknowledge();
        }

        @BackpressuredListener(
                id = "pattern",
                topicPattern = "${run}\\.pattern-.*",
                properties = "metadata.max.age.ms=300")
        void pattern(String value, @Header(KafkaHeaders.RECEIVED_TOPIC) String topic) {
            seen.add("pattern", value + " from " + topic.substring(2));
        }

        @BackpressuredListener(
                id = "several",
                topics = {"${run}.several-1", "#{'${run}' + '.several-2'}"},
                concurrency = "2")
        void several(String value) {
            seen.add("several", value);
        }

        @BackpressuredListener(id = "static", properties = "group.instance.id=me")
        void isStatic(String value) {
            seen.add("static", value);
        }

        @BackpressuredListener(
                id = "cooperative",
                properties =
                        "partition.assignment.strategy=org.apache.kafka.clients.consumer.CooperativeStickyAssignor")
        void cooperative(String value) {
            seen.add("cooperative", value);
        }

        @BackpressuredListener(id = "consumer-protocol", properties = "group.protocol=consumer")
        void consumerProtocol(String value) {
            seen.add("consumer-protocol", value);
        }

        @BackpressuredListener(id = "paused")
        void paused(String value) {
            seen.add("paused", value);
        }

        @BackpressuredListener(id = "part-paused")
        void partPaused(String value) {
            seen.add("part-paused", value);
        }

        @BackpressuredListener(id = "restarted")
        void restarted(String value) {
            seen.add("restarted", value);
        }

        @BackpressuredListener(id = "broken-off")
        void brokenOff(String value) {
            seen.add("broken-off", value);
        }

        @BackpressuredListener(id = "later", autoStartup = "false", containerGroup = "lateOnes")
        void later(String value) {
            seen.add("later", value);
        }

        @BackpressuredListener(id = "idle", containerPostProcessor = "idleSoon")
        void idle(String value) throws InterruptedException {
            Thread.sleep(value.equals("slow") ? 900 : 0); // longer than two times without a record
            seen.add("events idle", "handled " + value);
        }

        @BackpressuredListener(id = "informed", info = "of #{__listener.class.simpleName}")
        void informed(
                @Payload String value,
                @Header(KafkaHeaders.LISTENER_INFO) String info,
                @Header(KafkaHeaders.GROUP_ID) String group,
                @Header(name = KafkaHeaders.RECEIVED_KEY, required = false) String key,
                ConsumerRecordMetadata metadata) {
            seen.add("informed", value + " " + info + " " + group.substring(2) + " " + key + " " + metadata.offset());
        }

        @BackpressuredListener(id = "twice-1", groupId = "${run}.twice-1", topics = "${run}.twice-1", maxInFlight = "7")
        @BackpressuredListener(id = "twice-2", groupId = "${run}.twice-2", topics = "${run}.twice-2", maxInFlight = "9")
        void twice(String value, @Header(KafkaHeaders.RECEIVED_TOPIC) String topic) {
            seen.add("twice", value + " from " + topic.substring(2));
        }

        @OwnListener(id = "own", groupId = "${run}.own", value = "${run}.own")
        void own(String value) {
            seen.add("own", value);
        }
    }

    static class Seeking extends AbstractConsumerSeekAware {

        private final Seen seen;

        Seeking(Seen seen) {
            this.seen = seen;
        }

        @BackpressuredListener(id = "sought")
        void sought(String value) {
            seen.add("sought", value);
            if (value.equals("back") && seen.of("sought").size() == 2) {
                seekToBeginning();
            }
        }
    }

    @BackpressuredListener(id = "handlers")
    static class Handling {

        private final Seen seen;

        Handling(Seen seen) {
            this.seen = seen;
        }

        @KafkaHandler
        void text(String value) {
            seen.add("handlers", "text " + value);
        }

        @KafkaHandler(isDefault = true)
        void other(Object value) {
            seen.add("handlers", "other " + value);
        }
    }

    @BackpressuredListener(id = "handlers-1", groupId = "${run}.handlers-1", topics = "${run}.handlers-1")
    @BackpressuredListener(id = "handlers-2", groupId = "${run}.handlers-2", topics = "${run}.handlers-2")
    static class TwiceHandling {

        private final Seen seen;

        TwiceHandling(Seen seen) {
            this.seen = seen;
        }

        @KafkaHandler
        void text(String value, @Header(KafkaHeaders.RECEIVED_TOPIC) String topic) {
            seen.add("twice-handlers", value + " from " + topic.substring(2));
        }
    }

    @Lazy
    @Component
    static class OnDemand {

        private final Seen seen;

        OnDemand(Seen seen) {
            this.seen = seen;
        }

        @BackpressuredListener(id = "lazy")
        void lazy(String value) {
            seen.add("lazy", value);
        }
    }

    @Scope("prototype")
    @Component
    static class Prototype {

        private final Seen seen;

        Prototype(Seen seen) {
            this.seen = seen;
        }

        /** The topic of an instance. */
        public String topic() {
            return "prototype";
        }

        @BackpressuredListener(id = "prototype", topics = "${run}.#{__listener.topic()}")
        void prototype(String value) {
            seen.add("prototype", value);
        }
    }

    @ParameterizedTest
    @EnumSource
    void acknowledgedRecordsAreCommitted(Run run) {
        apps.of(run, "acked").sends("a", "b").sees("a", "b").commits(2);
        apps.send(run, "immediate", "a");
        assertThat(apps.awaitSeen(run, "immediate", 1)).containsExactly("a");
        apps.awaitCommitted(run, "immediate", "immediate", 1);
    }

    @ParameterizedTest
    @EnumSource
    void aNackedRecordComesAgainBeforeTheNext(Run run) {
        apps.of(run, "nacked").sends("again", "b").sees("again", "again", "b").commits(2);
    }

    @ParameterizedTest
    @EnumSource
    void recordsAreAcknowledgedByOtherThreadsInAnyOrder(Run run) {
        var listening = apps.of(run, "acked-later").sends("a", "b", "c", "d");
        apps.container(run, "acked-later").start();
        listening.seesInAnyOrder("a", "b", "c", "d");
        acknowledge(run, "d", "c", "a");
        // If what was acknowledged ahead of b had been committed, this would not be seen any more.
        await().until(() -> apps.committed(run.name("acked-later"), run.name("acked-later")) == 1);
        acknowledge(run, "b");
        listening.commits(4).seesInAnyOrder("a", "b", "c", "d");
    }

    private static void acknowledge(Run run, String... values) {
        Map<String, Acknowledgment> acknowledgments = apps.bean(run, Listeners.class).acknowledgments;
        for (String value : values) {
            CompletableFuture.runAsync(acknowledgments.get(value)::acknowledge).join();
        }
    }

    @Test
    void whatIsNeverAcknowledgedIsBoundedAndShown() {
        Run run = Run.BACKPRESSURED_LISTENER;
        var listening = apps.of(run, "never-acked").sends("a", "b", "c", "d", "e");
        var container = (BackpressuredMessageListenerContainer<?, ?>) apps.container(run, "never-acked");
        await().until(() -> container.snapshot().running() == 3
                && container.snapshot().partitions().stream()
                        .allMatch(partition -> partition.pauseReason() == PauseReason.MAX_IN_FLIGHT));
        listening.seesInAnyOrder("a", "b", "c");
        assertThat(container.snapshot().inFlight()).isEqualTo(3);
        assertThat(container.snapshot().queued()).isZero();
        acknowledge(run, "never-b", "never-a", "never-c");
        listening.seesInAnyOrder("a", "b", "c", "d", "e");
        acknowledge(run, "never-e", "never-d");
        listening.commits(5);
    }

    @Test
    void aRecordThatAnotherThreadNacksHoldsItsKeyOnly() {
        Run run = Run.BACKPRESSURED_LISTENER;
        apps.sendKeyed(run, "nacked-later", "key", "again");
        apps.of(run, "nacked-later").sees("again");
        apps.sendKeyed(run, "nacked-later", "key", "after");
        apps.sendKeyed(run, "nacked-later", "other key", "other");
        apps.of(run, "nacked-later").sees("again", "other");
        Acknowledgment first = apps.bean(run, Listeners.class).acknowledgments.get("nacked-later");
        CompletableFuture.runAsync(() -> first.nack(Duration.ofMillis(100))).join();
        apps.of(run, "nacked-later").sees("again", "other", "again", "after").commits(3);
        first.acknowledge(); // of an attempt that is over
    }

    @Test
    void aNackAfterTheStopHarmsNobodyAndTheRecordComesAgain() {
        Run run = Run.BACKPRESSURED_LISTENER;
        var listening = apps.of(run, "nacked-late").sends("a").sees("a");
        Map<String, Acknowledgment> acknowledgments = apps.bean(run, Listeners.class).acknowledgments;
        apps.container(run, "nacked-late").stop();
        acknowledgments.get("late").nack(Duration.ofMillis(10));
        apps.container(run, "nacked-late").start();
        listening.sees("a", "a");
        acknowledge(run, "late");
        listening.commits(1).sees("a", "a");
    }

    @ParameterizedTest
    @EnumSource
    void consumesPartitionsThatAreAddedLater(Run run) throws Exception {
        var listening = apps.of(run, "growing").sends("a").sees("a");
        String topic = run.name("growing");
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", apps.brokers()))) {
            admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(3)))
                    .all()
                    .get(10, TimeUnit.SECONDS);
        }
        apps.template(run).send(topic, 2, null, "b").get(10, TimeUnit.SECONDS);
        listening.sees("a", "b").commits(1);
    }

    @ParameterizedTest
    @EnumSource
    void aStaticMemberStaysInItsGroupWhileItIsStopped(Run run) throws Exception {
        var listening = apps.of(run, "static-restarted").sends("a").sees("a").commits(1);
        apps.container(run, "static-restarted").stop();
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", apps.brokers()))) {
            String group = run.name("static-restarted");
            assertThat(admin.describeConsumerGroups(List.of(group))
                            .all()
                            .get(10, TimeUnit.SECONDS)
                            .get(group)
                            .members())
                    .extracting(MemberDescription::groupInstanceId)
                    .containsExactly(Optional.of("me-0"));
        }
        apps.container(run, "static-restarted").start();
        listening.sends("b").sees("a", "b").commits(2);
    }

    @ParameterizedTest
    @EnumSource
    void startsAtTheOffsetsOfItsPartitions(Run run) {
        apps.send(run, "offsets", ParityApps.values("v", 4));
        apps.container(run, "offsets").start();
        assertThat(apps.awaitSeen(run, "offsets", 2)).containsExactly("v2", "v3");
        apps.awaitCommitted(run, "offsets", "offsets", 4);
    }

    @ParameterizedTest
    @EnumSource
    void startsAtOffsetsFromTheEndInARangeOfPartitions(Run run) {
        apps.send(run, "relative", ParityApps.values("v", 3));
        apps.container(run, "relative").start();
        assertThat(apps.awaitSeen(run, "relative", 1)).containsExactly("v2");
    }

    @ParameterizedTest
    @EnumSource
    void needsNoGroupWithManualAssignment(Run run) {
        apps.of(run, "no-group").sends("a", "b").sees("a", "b");
    }

    @ParameterizedTest
    @EnumSource
    void findsNewTopicsOfAPattern(Run run) {
        apps.send(run, "pattern-1", "a");
        assertThat(apps.awaitSeen(run, "pattern", 1)).containsExactly("a from pattern-1");
        apps.send(run, "pattern-2", "b");
        assertThat(apps.awaitSeen(run, "pattern", 2)).contains("b from pattern-2");
    }

    @ParameterizedTest
    @EnumSource
    void consumesSeveralTopicsWithSeveralConsumers(Run run) {
        apps.send(run, "several-1", "a");
        apps.send(run, "several-2", "b");
        assertThat(apps.awaitSeen(run, "several", 2)).containsExactlyInAnyOrder("a", "b");
        assertThat(apps.container(run, "several").getContainers()).hasSize(2);
        apps.awaitCommitted(run, "several", "several-2", 1);
    }

    @ParameterizedTest
    @EnumSource
    void worksWithStaticMembershipCooperativeAssignorAndConsumerProtocol(Run run) {
        for (String name : List.of("static", "cooperative", "consumer-protocol")) {
            apps.send(run, name, "a", "b");
            assertThat(apps.awaitSeen(run, name, 2)).containsExactly("a", "b");
            apps.awaitCommitted(run, name, name, 2);
        }
    }

    @ParameterizedTest
    @EnumSource
    void seeksFromTheListener(Run run) {
        apps.of(run, "sought").sends("a", "back").sees("a", "back", "a", "back").commits(2);
    }

    @ParameterizedTest
    @EnumSource
    void pausesAndResumesTheContainer(Run run) {
        apps.send(run, "paused", "a");
        apps.awaitSeen(run, "paused", 1);
        apps.container(run, "paused").pause();
        await().until(() -> apps.container(run, "paused").isContainerPaused());
        apps.send(run, "paused", "b");
        await().during(Duration.ofMillis(500))
                .until(() -> apps.seen(run, "paused").size() == 1);
        apps.container(run, "paused").resume();
        assertThat(apps.awaitSeen(run, "paused", 2)).containsExactly("a", "b");
        assertThat(apps.container(run, "paused").isContainerPaused()).isFalse();
    }

    @ParameterizedTest
    @EnumSource
    void pausesAndResumesAPartition(Run run) {
        apps.send(run, "part-paused", "a");
        apps.awaitSeen(run, "part-paused", 1);
        TopicPartition partition = new TopicPartition(run.name("part-paused"), 0);
        apps.container(run, "part-paused").pausePartition(partition);
        await().until(() -> apps.container(run, "part-paused").isPartitionPaused(partition));
        apps.send(run, "part-paused", "b");
        await().during(Duration.ofMillis(500))
                .until(() -> apps.seen(run, "part-paused").size() == 1);
        apps.container(run, "part-paused").resumePartition(partition);
        assertThat(apps.awaitSeen(run, "part-paused", 2)).containsExactly("a", "b");
    }

    @ParameterizedTest
    @EnumSource
    void saysThatItWasStoppedAbnormally(Run run) {
        var listening = apps.of(run, "broken-off").sends("a").sees("a").commits(1);
        CompletableFuture<Void> stopped = new CompletableFuture<>();
        apps.container(run, "broken-off").stopAbnormally(() -> stopped.complete(null));
        stopped.orTimeout(10, TimeUnit.SECONDS).join();
        listening.stops();
        assertThat(apps.container(run, "broken-off").isInExpectedState()).isFalse();
        assertThat(apps.awaitSeen(run, "events broken-off", 2)).startsWith("ConsumerStartedEvent", "stopped ABNORMAL");
        apps.container(run, "broken-off").start();
        listening.sends("b").sees("a", "b");
        assertThat(apps.container(run, "broken-off").isInExpectedState()).isTrue();
    }

    @ParameterizedTest
    @EnumSource
    void stopsAndStartsWithTheSameEvents(Run run) {
        apps.send(run, "restarted", "a");
        apps.awaitSeen(run, "restarted", 1);
        apps.container(run, "restarted").stop();
        apps.send(run, "restarted", "b");
        apps.container(run, "restarted").start();
        assertThat(apps.awaitSeen(run, "restarted", 2)).containsExactly("a", "b");
        assertThat(apps.awaitSeen(run, "events restarted", 4))
                .containsExactly(
                        "ConsumerStartedEvent",
                        "stopped NORMAL",
                        "ConcurrentContainerStoppedEvent",
                        "ConsumerStartedEvent");
        apps.awaitCommitted(run, "restarted", "restarted", 2);
    }

    @ParameterizedTest
    @EnumSource
    void startsWhenItIsToldTo(Run run) {
        apps.send(run, "later", "a");
        assertThat(apps.container(run, "later").isRunning()).isFalse();
        apps.registry(run)
                .getListenerContainersMatching(id -> id.equals("later"))
                .forEach(container -> container.start());
        assertThat(apps.awaitSeen(run, "later", 1)).containsExactly("a");
        assertThat(apps.context(run).containsBean("lateOnes")).isTrue();
    }

    @ParameterizedTest
    @EnumSource
    void isIdleOnlyAfterTheRecordsAreHandled(Run run) {
        apps.send(run, "idle", "quick");
        apps.awaitSeen(run, "events idle", 3);
        await().untilAsserted(() ->
                assertThat(apps.seen(run, "events idle")).contains("handled quick", "ListenerContainerIdleEvent"));
        int before = apps.seen(run, "events idle").size();
        apps.send(run, "idle", "slow");
        await().until(() -> apps.seen(run, "events idle").contains("handled slow"));
        List<String> events = apps.seen(run, "events idle");
        List<String> untilHandled = events.subList(before, events.indexOf("handled slow"));
        assertThat(untilHandled.subList(
                        untilHandled.indexOf("ListenerContainerNoLongerIdleEvent") + 1, untilHandled.size()))
                .isEmpty();
        await().until(() -> apps.seen(run, "events idle").lastIndexOf("ListenerContainerIdleEvent")
                > apps.seen(run, "events idle").indexOf("handled slow"));
    }

    @ParameterizedTest
    @EnumSource
    void passesHeadersInfoAndMetadata(Run run) {
        apps.sendKeyed(run, "informed", "key", "a");
        assertThat(apps.awaitSeen(run, "informed", 1)).containsExactly("a of Listeners informed key 0");
    }

    @ParameterizedTest
    @ValueSource(strings = {"twice-1", "twice-2"})
    void eachOfRepeatedAnnotationsIsAListenerWithItsOwnSettings(String name) {
        apps.send(Run.BACKPRESSURED_LISTENER, name, "a");
        await().untilAsserted(() ->
                assertThat(apps.seen(Run.BACKPRESSURED_LISTENER, "twice")).contains("a from " + name));
        var container = (BackpressuredMessageListenerContainer<?, ?>) apps.container(Run.BACKPRESSURED_LISTENER, name);
        assertThat(container.getOptions().maxInFlight()).isEqualTo(name.equals("twice-1") ? 7 : 9);
    }

    @ParameterizedTest
    @ValueSource(strings = {"handlers-1", "handlers-2"})
    void eachOfRepeatedAnnotationsOfAClassIsAListener(String name) {
        apps.send(Run.BACKPRESSURED_LISTENER, name, "a");
        await().untilAsserted(() -> assertThat(apps.seen(Run.BACKPRESSURED_LISTENER, "twice-handlers"))
                .contains("a from " + name));
    }

    @ParameterizedTest
    @EnumSource
    void findsComposedAnnotations(Run run) {
        apps.of(run, "own").sends("a").sees("a");
        if (apps.container(run, "own") instanceof BackpressuredMessageListenerContainer<?, ?> container) {
            assertThat(container.getOptions().ordering()).isEqualTo(Ordering.KEY);
        }
    }

    @ParameterizedTest
    @EnumSource
    void callsTheHandlerOfThePayload(Run run) {
        apps.of(run, "handlers").sends("a").sees("text a").commits(1);
    }

    @ParameterizedTest
    @EnumSource
    void findsTheListenersOfLazyAndPrototypeBeans(Run run) {
        assertThat(apps.registry(run).getListenerContainer("lazy")).isNull();
        apps.bean(run, OnDemand.class);
        apps.of(run, "lazy").sends("a").sees("a");
        apps.bean(run, Prototype.class);
        apps.send(run, "prototype", "a");
        assertThat(apps.awaitSeen(run, "prototype", 1)).containsExactly("a");
    }
}
