package io.github.kafkabackpressure.benchmarks.contender;

import java.io.IOException;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A mark for each record, in a mapped file: what was marked stays marked when the process is killed.
 *
 * <p>Threading: any number of threads, each with records of its own.
 */
final class Marks {

    private final MappedByteBuffer marks;

    private final int perPartition;

    /** Marks in a file that exists; {@code perPartition} is more than any offset. */
    Marks(Path file, int partitions, int perPartition) throws IOException {
        this.perPartition = perPartition;
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            this.marks = channel.map(FileChannel.MapMode.READ_WRITE, 0, (long) partitions * perPartition);
        }
    }

    boolean isMarked(int partition, long offset) {
        return marks.get(index(partition, offset)) != 0;
    }

    void mark(int partition, long offset) {
        marks.put(index(partition, offset), (byte) 1);
    }

    private int index(int partition, long offset) {
        return partition * perPartition + Math.toIntExact(offset);
    }
}
