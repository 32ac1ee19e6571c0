package io.github.kafkabackpressure.producer.spool;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Writes one file: under another name, forced to the disk, then moved to its own. Where the disk is full the file ends
 * behind the last record that fits.
 *
 * <p>Threading: one thread.
 */
final class SpoolWriter implements AutoCloseable {

    /** How many records more than the one that failed are given up to make room for the end. */
    private static final int STEPS_BACK = 3;

    private static final SecureRandom MARKS = new SecureRandom();

    private final Path unfinished;
    private final FileChannel channel;
    private final long mark = MARKS.nextLong();

    /** Where the file may end: behind its header and behind each of its records. */
    private final List<Long> ends = new ArrayList<>();

    private @Nullable IOException failure;
    private boolean finished;

    /** @param channel to {@code unfinished}, new and empty */
    SpoolWriter(Path unfinished, FileChannel channel) {
        this.unfinished = unfinished;
        this.channel = channel;
        write(SpoolFormat.header(mark));
    }

    /** What a record of so many bytes takes. */
    static long sizeOf(byte[] record) {
        return SpoolFormat.FRAME_BYTES + (long) record.length;
    }

    /** What a file takes without its records. */
    static long sizeOfNone() {
        return SpoolFormat.HEADER_BYTES + (long) SpoolFormat.FRAME_BYTES;
    }

    /** Says whether it could; after a record that could not be written there must be no other. */
    boolean append(byte[] record) {
        return write(SpoolFormat.frame(mark, record.length, record));
    }

    /** Why a record could not be written; null if all could. */
    @Nullable IOException failure() {
        return failure;
    }

    /**
     * Gives the file its name.
     *
     * @param mayKeep asked once, at the very end
     * @return how many of the records are in it, the first ones
     * @throws IOException if none is
     */
    int finish(Path file, BooleanSupplier mayKeep) throws IOException {
        int records = end();
        channel.close();
        if (records > 0 && mayKeep.getAsBoolean()) {
            Files.move(unfinished, file);
            finished = true;
            Path directory = file.getParent();
            if (directory != null) {
                OwnerOnly.force(directory);
            }
            return records;
        }
        return 0;
    }

    private int end() throws IOException {
        for (int step = 0; ; step++) {
            int records = ends.size() - 1;
            if (records <= 0) {
                if (failure != null) {
                    throw failure;
                }
                return 0;
            }
            try {
                channel.truncate(ends.get(records));
                channel.position(ends.get(records));
                writeFully(SpoolFormat.frame(mark, SpoolFormat.END, new byte[0]));
                channel.force(true);
                return records;
            } catch (IOException e) {
                failure = e;
                if (step >= STEPS_BACK) {
                    throw e;
                }
                ends.remove(records);
            }
        }
    }

    private boolean write(ByteBuffer bytes) {
        try {
            writeFully(bytes);
            ends.add(channel.position());
            return true;
        } catch (IOException e) {
            failure = e;
            return false;
        }
    }

    private void writeFully(ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    /** Removes what is unfinished. */
    @Override
    public void close() throws IOException {
        channel.close();
        if (!finished) {
            Files.deleteIfExists(unfinished);
        }
    }
}
