package io.github.kafkabackpressure.producer.spool;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serializer;
import org.jspecify.annotations.Nullable;
import org.springframework.kafka.core.ProducerFactory;

/**
 * Keeps the undelivered records of a template in files of a directory named after it, and sends them first at the next
 * start, at least once. A file is deleted only when the broker has acknowledged all that is in it; one that cannot be
 * read to its end, or of which a record was refused, is set aside under another name after the rest of it was sent.
 * Nothing that goes wrong here stops a start or a shutdown.
 *
 * <p>Threading: see {@link UndeliveredStore}.
 */
public final class Spool<K, V> implements UndeliveredStore<K, V> {

    private static final Log logger = LogFactory.getLog(Spool.class);

    private static final String SUFFIX = ".spool";

    private final Path directory;
    private final long maxBytes;
    private final SpoolLock lock;
    private final String name;
    private final ProducerFactory<K, V> factory;
    private final Supplier<Producer<byte[], byte[]>> producers;

    /**
     * @param root where templates have their directories
     * @param maxBytes what the files of this template may hold together
     * @param name the template's
     * @param factory what opens the template's producers
     */
    public Spool(Path root, long maxBytes, String name, ProducerFactory<K, V> factory) {
        this(root, maxBytes, name, factory, () -> newProducer(name, factory));
    }

    /** @param producers open what the replay sends with */
    Spool(
            Path root,
            long maxBytes,
            String name,
            ProducerFactory<K, V> factory,
            Supplier<Producer<byte[], byte[]>> producers) {
        // Of its own: templates may send to different clusters, and none can wait for another's turn.
        this.directory = root.resolve(name.replaceAll("[^A-Za-z0-9_-]", "_"));
        this.maxBytes = maxBytes;
        this.lock = new SpoolLock(directory.resolve(".lock"));
        this.name = name;
        this.factory = factory;
        this.producers = producers;
    }

    @Override
    public boolean replay(BooleanSupplier mayGoOn) {
        try {
            if (files().isEmpty()) {
                return true;
            }
            lock.acquire();
            try {
                replayAll(mayGoOn);
            } finally {
                lock.release();
            }
            return mayGoOn.getAsBoolean() || files().isEmpty();
        } catch (IOException | RuntimeException e) {
            logger.error("The spool directory " + directory + " could not be replayed; its files stay", e);
            return mayGoOn.getAsBoolean();
        }
    }

    @Override
    public <S extends Undelivered<K, V>> Set<S> keep(List<S> undelivered) {
        Set<S> kept = new HashSet<>();
        try {
            Files.createDirectories(directory);
            lock.acquire();
            try {
                keepAll(undelivered, kept);
            } finally {
                lock.release();
            }
        } catch (IOException | RuntimeException e) {
            kept.clear();
            logger.error(undelivered.size() + " undelivered records could not be written to " + directory, e);
        }
        return kept;
    }

    private <S extends Undelivered<K, V>> void keepAll(List<S> undelivered, Set<S> kept) throws IOException {
        long room = maxBytes - bytesOnDisk();
        List<byte[]> encoded = new ArrayList<>();
        List<S> fitting = new ArrayList<>();
        try (SpoolSerializer<K, V> serializer = new SpoolSerializer<>(factory)) {
            for (S send : undelivered) {
                byte[] bytes = serializer.encode(send.record());
                if (bytes == null) {
                    continue;
                }
                room -= SpoolFile.sizeOf(bytes);
                if (room < 0) {
                    // The first ones, without a gap: what is sent later must not come before what is missing.
                    logger.error("The spool directory " + directory + " is full at spool-max-bytes, "
                            + maxBytes + ": " + (undelivered.size() - fitting.size())
                            + " records are not kept");
                    break;
                }
                encoded.add(bytes);
                fitting.add(send);
            }
        }
        if (!encoded.isEmpty()) {
            SpoolFile.write(nextFile(), encoded);
            kept.addAll(fitting);
        }
    }

    private void replayAll(BooleanSupplier mayGoOn) throws IOException {
        try (SpoolReplay replay = new SpoolReplay(name, producers, mayGoOn)) {
            for (Path file : files()) {
                if (replay.mustStop() || !replayFile(file, replay)) {
                    return;
                }
            }
        }
    }

    /** Says whether the file is done with. */
    private boolean replayFile(Path file, SpoolReplay replay) throws IOException {
        SpoolFile.Contents contents = SpoolFile.read(file);
        SpoolReplay.Result result = replay.send(contents.records());
        if (result.unsettled() > 0) {
            return false;
        }
        List<String> reasons = new ArrayList<>();
        if (contents.damage() != null) {
            reasons.add(contents.damage());
        }
        if (result.refusal() != null) {
            reasons.add(result.refused() + " records were refused, the first one for " + result.refusal());
        }
        if (!reasons.isEmpty()) {
            setAside(file, String.join("; ", reasons), result.acknowledged());
        } else {
            Files.delete(file);
            logger.info(result.acknowledged() + " records of " + file + " were sent");
        }
        return true;
    }

    private void setAside(Path file, String reason, int acknowledged) throws IOException {
        Path aside = file.resolveSibling(file.getFileName() + ".damaged-" + System.currentTimeMillis());
        Files.move(file, aside);
        logger.error("The spool file " + file + " is set aside as " + aside.getFileName() + ": " + reason + ". "
                + acknowledged + " of its records were sent.");
    }

    private static Producer<byte[], byte[]> newProducer(String name, ProducerFactory<?, ?> factory) {
        return new KafkaProducer<>(
                replayConfig(name, factory.getConfigurationProperties()),
                new ByteArraySerializer(),
                new ByteArraySerializer());
    }

    static Map<String, Object> replayConfig(String name, Map<String, Object> configured) {
        Map<String, Object> config = new HashMap<>(configured);
        config.remove(ProducerConfig.TRANSACTIONAL_ID_CONFIG);
        config.put(ProducerConfig.CLIENT_ID_CONFIG, name + "-spool");
        // Nothing follows that could share a batch with the last record.
        config.put(ProducerConfig.LINGER_MS_CONFIG, 0);
        // Kafka itself tries again in order. What it gives up would go again behind later records of its partition.
        config.put(ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, Integer.MAX_VALUE);
        // Unless told not to try again at all, which also turns idempotence off.
        config.computeIfPresent(
                ProducerConfig.RETRIES_CONFIG,
                (key, retries) -> "0".equals(retries.toString()) ? retries : Integer.MAX_VALUE);
        return config;
    }

    private List<Path> files() throws IOException {
        if (!Files.isDirectory(directory)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(directory)) {
            return files.filter(file -> fileName(file).endsWith(SUFFIX))
                    .sorted()
                    .toList();
        }
    }

    private long bytesOnDisk() throws IOException {
        long bytes = 0;
        for (Path file : files()) {
            bytes += Files.size(file);
        }
        return bytes;
    }

    /** Numbered, so that files are replayed in the order in which they were written. */
    private Path nextFile() throws IOException {
        List<Path> files = files();
        long next = 1;
        for (Path file : files) {
            String number = fileName(file).replace(SUFFIX, "");
            if (number.matches("\\d{1,18}")) {
                next = Math.max(next, Long.parseLong(number) + 1);
            }
        }
        return directory.resolve("%018d".formatted(next) + SUFFIX);
    }

    private static String fileName(Path file) {
        return String.valueOf(file.getFileName());
    }

    /** Serializes as the factory's own producers do. */
    private static final class SpoolSerializer<K, V> implements AutoCloseable {

        private final Serializer<K> keys;
        private final Serializer<V> values;

        SpoolSerializer(ProducerFactory<K, V> factory) {
            Map<String, Object> config = factory.getConfigurationProperties();
            this.keys =
                    serializer(factory.getKeySerializer(), config, ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG, true);
            this.values = serializer(
                    factory.getValueSerializer(), config, ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG, false);
        }

        @SuppressWarnings("unchecked") // The configuration says what serializes this factory's keys and values.
        private static <T> Serializer<T> serializer(
                @Nullable Serializer<T> own, Map<String, Object> config, String property, boolean key) {
            if (own != null) {
                return own;
            }
            Serializer<T> configured =
                    new ProducerConfig(new HashMap<>(config)).getConfiguredInstance(property, Serializer.class);
            configured.configure(config, key);
            return configured;
        }

        /** Null if the record cannot be serialized: it could never have been sent, and must not take others with it. */
        byte @Nullable [] encode(ProducerRecord<K, V> record) {
            // Of its own: serializers write headers, and those of a record that Kafka has serialized are read-only.
            RecordHeaders headers = new RecordHeaders(record.headers().toArray());
            try {
                byte[] key = keys.serialize(record.topic(), headers, record.key());
                byte[] value = values.serialize(record.topic(), headers, record.value());
                return SpoolFile.encode(new ProducerRecord<>(
                        record.topic(),
                        record.partition(),
                        record.timestamp(),
                        key,
                        value,
                        isSerialized(record) ? record.headers() : headers));
            } catch (IOException | RuntimeException | StackOverflowError e) {
                logger.error("A record for topic " + record.topic() + " cannot be serialized and is not kept", e);
                return null;
            }
        }

        /** Its headers are complete then: a serializer that only adds would have added its own a second time. */
        private static boolean isSerialized(ProducerRecord<?, ?> record) {
            return record.headers() instanceof RecordHeaders headers && headers.isReadOnly();
        }

        @Override
        public void close() {
            keys.close();
            values.close();
        }
    }
}
