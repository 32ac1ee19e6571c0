package io.github.kafkabackpressure.producer.spool;

import io.github.kafkabackpressure.InvalidBackpressurePropertyException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.springframework.kafka.core.ProducerFactory;

/**
 * Keeps the undelivered records of a template in files of a directory of its own, and sends them first at the next
 * start, at least once. A file is deleted only when the broker has acknowledged all that is in it; one that is damaged,
 * or of which a record was refused, is set aside under another name after the rest of it was sent. What would keep it
 * from keeping anything stops the start; later nothing that goes wrong here does.
 *
 * <p>Threading: see {@link UndeliveredStore}.
 */
public final class Spool<K, V> implements UndeliveredStore<K, V> {

    private static final Log logger = LogFactory.getLog(Spool.class);

    private static final String PROPERTY = "kafka.backpressure.producer.spool-directory";

    /** Held in memory at a time. */
    private static final int MOST_FILES = 1_000;

    private static final int MOST_RECORDS = 500;
    private static final int MOST_BYTES = 8 << 20;

    private final SpoolDirectory directory;
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
     * @throws InvalidBackpressurePropertyException if nothing could be kept there, or not for this factory
     */
    public Spool(Path root, long maxBytes, String name, ProducerFactory<K, V> factory) {
        this(root, maxBytes, name, factory, new ReplayProducers<>(name, factory));
        if (!factory.getConfigurationProperties().containsKey(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG)) {
            throw new InvalidBackpressurePropertyException(
                    PROPERTY,
                    root,
                    "unset for the producer factory of '" + name + "', which does not say its configuration"
                            + " (getConfigurationProperties): nothing could be sent at the next start");
        }
    }

    /** @param producers open what the replay sends with */
    Spool(
            Path root,
            long maxBytes,
            String name,
            ProducerFactory<K, V> factory,
            Supplier<Producer<byte[], byte[]>> producers) {
        try {
            this.directory = new SpoolDirectory(root, name);
        } catch (IOException | RuntimeException e) {
            throw new InvalidBackpressurePropertyException(
                    PROPERTY, root, "a directory that this application can write and take for itself: " + e, e);
        }
        this.maxBytes = maxBytes;
        this.lock = new SpoolLock(directory.lockFile());
        this.name = name;
        this.factory = factory;
        this.producers = producers;
        try {
            new RecordEncoder<>(factory).close();
        } catch (RuntimeException | LinkageError e) {
            throw new InvalidBackpressurePropertyException(
                    PROPERTY,
                    root,
                    "unset for the producer factory of '" + name + "', as its serializers or interceptors, which the"
                            + " spool needs, cannot be made: " + e,
                    e);
        }
    }

    @Override
    public boolean replay(BooleanSupplier mayGoOn) {
        try {
            if (directory.oldest(1, Set.of()).isEmpty()) {
                return true;
            }
            lock.acquire();
            try {
                directory.claimAgain();
                replayAll(mayGoOn);
            } finally {
                lock.release();
            }
            return mayGoOn.getAsBoolean() || directory.oldest(1, Set.of()).isEmpty();
        } catch (IOException | RuntimeException | Error e) {
            logger.error("The spool directory " + directory.path() + " could not be replayed; its files stay", e);
            return mayGoOn.getAsBoolean();
        }
    }

    private void replayAll(BooleanSupplier mayGoOn) throws IOException {
        Set<Path> left = new HashSet<>();
        try (SpoolReplay replay = new SpoolReplay(name, producers, mayGoOn)) {
            List<Path> files = directory.oldest(MOST_FILES, left);
            while (!files.isEmpty()) {
                for (Path file : files) {
                    if (replay.mustStop() || !replayOrLeave(file, replay, left)) {
                        return;
                    }
                }
                files = directory.oldest(MOST_FILES, left);
            }
        }
    }

    /** Says whether the replay may go on. A file that cannot be read or removed does not stand before the others. */
    private boolean replayOrLeave(Path file, SpoolReplay replay, Set<Path> left) {
        try {
            return replayFile(file, replay);
        } catch (IOException | RuntimeException | Error e) {
            logger.error("The spool file " + file + " could not be replayed; it stays", e);
            left.add(file);
            return true;
        }
    }

    private boolean replayFile(Path file, SpoolReplay replay) throws IOException {
        SpoolReplay.Result result = SpoolReplay.Result.NONE;
        String damage;
        replay.begin();
        try (SpoolReader reader =
                new SpoolReader(OwnerOnly.open(file, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS))) {
            List<ProducerRecord<byte[], byte[]>> records = reader.next(MOST_RECORDS, MOST_BYTES);
            while (!records.isEmpty()) {
                result = result.plus(replay.send(records));
                if (result.unsettled() > 0) {
                    return false;
                }
                records = reader.next(MOST_RECORDS, MOST_BYTES);
            }
            damage = reader.damage();
        }
        List<String> reasons = new ArrayList<>();
        if (damage != null) {
            reasons.add(damage);
        }
        if (result.refusal() != null) {
            reasons.add(result.refused() + " records were refused, the first one for " + result.refusal());
        }
        if (reasons.isEmpty()) {
            Files.delete(file);
            logger.info(result.acknowledged() + " records of " + file + " were sent");
        } else {
            Path aside = directory.setAside(file);
            logger.error("The spool file " + file + " is set aside as " + aside.getFileName() + ": "
                    + String.join("; ", reasons) + ". " + result.acknowledged() + " of its records were sent.");
        }
        return true;
    }

    @Override
    public <S extends Undelivered<K, V>> Set<S> keep(List<S> undelivered, BooleanSupplier mayKeep) {
        try {
            directory.claimAgain();
            lock.acquire();
            try {
                directory.removeUnfinished();
                return write(undelivered, mayKeep);
            } finally {
                lock.release();
            }
        } catch (IOException | RuntimeException | Error e) {
            logger.error(undelivered.size() + " undelivered records could not be written to " + directory.path() + ": "
                    + (e instanceof IOException ? e.toString() : LogText.types(e)));
            return Set.of();
        }
    }

    private <S extends Undelivered<K, V>> Set<S> write(List<S> undelivered, BooleanSupplier mayKeep)
            throws IOException {
        Path file = directory.next();
        Path unfinished = directory.unfinished(file);
        long room = maxBytes - directory.bytes() - SpoolWriter.sizeOfNone();
        List<S> written = new ArrayList<>();
        FileChannel channel = directory.create(unfinished);
        try (SpoolWriter writer = new SpoolWriter(unfinished, channel);
                RecordEncoder<K, V> encoder = new RecordEncoder<>(factory)) {
            int left = undelivered.size();
            for (S send : undelivered) {
                byte[] bytes = encoder.encode(send);
                // A serializer may have taken an interrupt for its own, or left one; it must not close the file.
                Thread.interrupted();
                left--;
                if (bytes == null) {
                    continue;
                }
                room -= SpoolWriter.sizeOf(bytes);
                // The first ones, without a gap: what is sent later must not come before what is missing.
                if (room < 0) {
                    tellThatItIsFull(left + 1);
                    break;
                }
                if (!writer.append(bytes)) {
                    break;
                }
                written.add(send);
            }
            int kept = writer.finish(file, mayKeep);
            if (writer.failure() != null) {
                logger.error("Only " + kept + " of " + undelivered.size() + " undelivered records could be written to "
                        + directory.path() + ": " + writer.failure());
            }
            if (encoder.failures() != null) {
                logger.error("Records of '" + name + "' that could not be serialized are not kept, by failure: "
                        + encoder.failures());
            }
            return new HashSet<>(written.subList(0, kept));
        }
    }

    private void tellThatItIsFull(int records) throws IOException {
        logger.error("The spool directory " + directory.path() + " is full at spool-max-bytes, " + maxBytes + ": "
                + records + " records are not kept. Of that, files that were set aside (.damaged-) hold "
                + directory.bytesSetAside() + " bytes; remove them when they are no longer needed.");
    }
}
