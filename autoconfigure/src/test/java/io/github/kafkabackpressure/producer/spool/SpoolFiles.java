package io.github.kafkabackpressure.producer.spool;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.jspecify.annotations.Nullable;

/** Whole files at once. */
final class SpoolFiles {

    private SpoolFiles() {}

    record Contents(
            List<ProducerRecord<byte[], byte[]>> records,
            @Nullable String damage) {}

    static void write(Path file, List<byte[]> records) throws IOException {
        Path unfinished = file.resolveSibling(file.getFileName() + ".unfinished");
        try (SpoolWriter writer = new SpoolWriter(unfinished, OwnerOnly.create(unfinished))) {
            records.forEach(writer::append);
            writer.finish(file, () -> true);
        }
    }

    static Contents read(Path file) throws IOException {
        try (SpoolReader reader = new SpoolReader(FileChannel.open(file, StandardOpenOption.READ))) {
            List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
            List<ProducerRecord<byte[], byte[]>> next;
            do {
                next = reader.next(2, 1_000);
                records.addAll(next);
            } while (!next.isEmpty());
            return new Contents(records, reader.damage());
        }
    }
}
