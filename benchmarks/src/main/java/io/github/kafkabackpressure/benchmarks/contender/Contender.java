package io.github.kafkabackpressure.benchmarks.contender;

/** Everyone who can be measured. */
public enum Contender {
    BARE("bare", "KafkaConsumer loop", Family.BARE, BareLoops::serial),
    BARE_SMALL_POLLS("bare-small-polls", "KafkaConsumer loop, max.poll.records 62", Family.BARE, BareLoops::smallPolls),
    BARE_POOL("bare-pool", "loop + thread pool + semaphore", Family.BARE, BareLoops::platformThreads),
    BARE_VIRTUAL("bare-virtual", "loop + virtual threads + semaphore", Family.BARE, BareLoops::virtualThreads),
    BARE_POOL_QUEUE(
            "bare-pool-queue",
            "loop + thread pool, max-in-flight permits",
            Family.BARE,
            BareLoops::platformThreadsWithQueue),
    BARE_VIRTUAL_QUEUE(
            "bare-virtual-queue",
            "loop + virtual threads, max-in-flight permits",
            Family.BARE,
            BareLoops::virtualThreadsWithQueue),
    KAFKA_LISTENER("kafka-listener", "@KafkaListener record", Family.SPRING, SpringListeners::record),
    KAFKA_LISTENER_PAYLOAD("kafka-listener-payload", "@KafkaListener payload", Family.SPRING, SpringListeners::payload),
    KAFKA_LISTENER_JSON("kafka-listener-json", "@KafkaListener JSON object", Family.SPRING, SpringListeners::json),
    KAFKA_LISTENER_BATCH("kafka-listener-batch", "@KafkaListener batch", Family.SPRING, SpringListeners::batch),
    KAFKA_LISTENER_ASYNC(
            "kafka-listener-async", "@KafkaListener async acks", Family.SPRING, SpringListeners::asynchronousAcks),
    PARALLEL_UNORDERED("pc-unordered", "Parallel Consumer unordered", Family.PEER, ParallelConsumers::unordered),
    PARALLEL_KEY("pc-key", "Parallel Consumer key", Family.PEER, ParallelConsumers::key),
    PARALLEL_KEY_DEFAULTS(
            "pc-key-defaults", "Parallel Consumer key, its defaults", Family.PEER, ParallelConsumers::keyWithDefaults),
    PARALLEL_PARTITION("pc-partition", "Parallel Consumer partition", Family.PEER, ParallelConsumers::partition),
    REACTOR("reactor", "reactor-kafka flatMap", Family.PEER, ReactorReceivers::concurrent),
    REACTOR_SERIAL("reactor-serial", "reactor-kafka one by one", Family.PEER, ReactorReceivers::serial),
    SHARE_CONSUMER("share", "share consumer", Family.PEER, ShareConsumers::start),
    OURS_PARTITION(
            "ours-partition", "@BackpressuredListener partition", Family.OURS, BackpressuredListeners::partition),
    OURS_KEY("ours-key", "@BackpressuredListener key", Family.OURS, BackpressuredListeners::key),
    OURS_KEY_PAYLOAD(
            "ours-key-payload", "@BackpressuredListener key, payload", Family.OURS, BackpressuredListeners::keyPayload),
    OURS_PARTITION_PAYLOAD(
            "ours-partition-payload",
            "@BackpressuredListener partition, payload",
            Family.OURS,
            BackpressuredListeners::partitionPayload),
    OURS_KEY_JSON(
            "ours-key-json", "@BackpressuredListener key, JSON object", Family.OURS, BackpressuredListeners::keyJson),
    OURS_UNORDERED(
            "ours-unordered", "@BackpressuredListener unordered", Family.OURS, BackpressuredListeners::unordered),
    KAFKA_LISTENERS("kafka-listeners", "twenty @KafkaListener", Family.SPRING, ManyListeners::kafkaListeners),
    OURS_LISTENERS(
            "ours-listeners", "twenty @BackpressuredListener", Family.OURS, ManyListeners::backpressuredListeners),
    BARE_PRODUCER("bare-producer", "KafkaProducer", Family.BARE, Producers::bare),
    KAFKA_TEMPLATE("kafka-template", "KafkaTemplate", Family.SPRING, Producers::kafkaTemplate),
    OURS_TEMPLATE("ours-template", "BackpressuredKafkaTemplate", Family.OURS, Producers::backpressuredTemplate),
    OURS_TEMPLATE_BATCHING(
            "ours-template-batching",
            "BackpressuredKafkaTemplate, batches of 500",
            Family.OURS,
            Producers::batchingTemplate);

    /** Whose work a contender is. */
    public enum Family {
        /** Kafka's client alone. */
        BARE,
        /** spring-kafka. */
        SPRING,
        /** Other libraries. */
        PEER,
        /** This project. */
        OURS
    }

    private final String id;

    private final String label;

    private final Family family;

    /** A reference to a static method, hence immutable. */
    @SuppressWarnings("ImmutableEnumChecker")
    private final Starter starter;

    Contender(String id, String label, Family family, Starter starter) {
        this.id = id;
        this.label = label;
        this.family = family;
        this.starter = starter;
    }

    /** The name on the command line. */
    public String id() {
        return id;
    }

    /** The name in tables. */
    public String label() {
        return label;
    }

    public Family family() {
        return family;
    }

    /** Whether it can run on that feature release of the JDK. */
    public boolean runsOn(int jdk) {
        return (this != BARE_VIRTUAL && this != BARE_VIRTUAL_QUEUE) || jdk >= 21;
    }

    /** Whether it sends; the others consume. */
    public boolean produces() {
        return switch (this) {
            case BARE_PRODUCER, KAFKA_TEMPLATE, OURS_TEMPLATE, OURS_TEMPLATE_BATCHING -> true;
            default -> false;
        };
    }

    /** Whether it is an application with many listeners. */
    public boolean isManyListeners() {
        return this == KAFKA_LISTENERS || this == OURS_LISTENERS;
    }

    /** Whether its handler is given the record, not the payload only. */
    public boolean showsRecords() {
        return switch (this) {
            case KAFKA_LISTENER_PAYLOAD, KAFKA_LISTENER_JSON, OURS_KEY_PAYLOAD, OURS_PARTITION_PAYLOAD, OURS_KEY_JSON ->
                false;
            default -> true;
        };
    }

    /** Whether its commits can be set to one a second; those of this project are by default. */
    public boolean hasCommitInterval() {
        return family != Family.OURS
                && this != SHARE_CONSUMER
                && this != KAFKA_LISTENER_ASYNC
                && this != PARALLEL_KEY_DEFAULTS
                && !produces();
    }

    /** Whether it handles no two records of a partition at once. */
    public boolean keepsPartitionOrder() {
        return this == OURS_PARTITION || this == PARALLEL_PARTITION;
    }

    /** Whether it is measured with more partitions, keys and records in flight. */
    public boolean isFlatnessSubject() {
        return this == BARE
                || this == BARE_SMALL_POLLS
                || this == KAFKA_LISTENER
                || this == KAFKA_LISTENER_BATCH
                || this == PARALLEL_KEY
                || this == REACTOR_SERIAL
                || this == OURS_PARTITION
                || this == OURS_KEY
                || this == OURS_UNORDERED;
    }

    RunResult run(Run run) throws Exception {
        return new RunResult(
                starter.start(run).await(),
                Runtime.version() + " (" + System.getProperty("java.vendor", "unknown") + ")");
    }

    /** Starts a contender, in threads of its own, and returns the probe that it calls. */
    interface Starter {

        Probe start(Run run) throws Exception;
    }
}
