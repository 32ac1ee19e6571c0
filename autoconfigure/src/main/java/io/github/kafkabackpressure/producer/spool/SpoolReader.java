package io.github.kafkabackpressure.producer.spool;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.jspecify.annotations.Nullable;

/**
 * Reads one file, some records at a time. Damage costs the records that it is in, and no other.
 *
 * <p>Threading: one thread.
 */
final class SpoolReader implements AutoCloseable {

    private static final int WINDOW_BYTES = 64 << 10;

    private final FileChannel channel;
    private final long size;
    private final List<String> damages = new ArrayList<>();

    /** Part of the file. */
    private ByteBuffer window = ByteBuffer.allocate(0);

    private long windowStart;
    private long mark;
    private long position;
    private boolean ended;
    private int lost;

    /** @param channel is closed with this */
    SpoolReader(FileChannel channel) throws IOException {
        this.channel = channel;
        this.size = channel.size();
        readHeader();
    }

    /** Also the header may be damaged, as long as the mark of the first frame tells what is meant. */
    private void readHeader() throws IOException {
        position = SpoolFormat.HEADER_BYTES;
        if (size < SpoolFormat.HEADER_BYTES) {
            notOurs();
            return;
        }
        ByteBuffer header = bytes(0, SpoolFormat.HEADER_BYTES);
        boolean named = header.getLong() == SpoolFormat.MAGIC;
        mark = header.getLong();
        if (lengthAt(position) == null && size >= position + SpoolFormat.FRAME_BYTES) {
            long said = mark;
            mark = bytes(position, Long.BYTES).getLong();
            if (lengthAt(position) == null) {
                mark = said;
            } else {
                damages.add("its mark is damaged");
            }
        }
        if (!named && lengthAt(position) == null) {
            notOurs();
        } else if (!named) {
            damages.add("its name is damaged");
        }
    }

    private void notOurs() {
        damages.add("it is not a spool file of this version");
        ended = true;
    }

    /** Records up to a number and, but for the first, a size; none at the end of the file. */
    List<ProducerRecord<byte[], byte[]>> next(int most, long mostBytes) throws IOException {
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
        long begin = position;
        while (!ended && records.size() < most && (records.isEmpty() || position - begin < mostBytes)) {
            ProducerRecord<byte[], byte[]> record = readFrame();
            if (record != null) {
                records.add(record);
            }
        }
        return records;
    }

    /** What is wrong with what was read; null if nothing is. */
    @Nullable String damage() {
        List<String> all = new ArrayList<>(damages);
        if (lost > 0) {
            all.add("in " + lost + " places it holds no readable record");
        }
        return all.isEmpty() ? null : String.join(", ", all);
    }

    private @Nullable ProducerRecord<byte[], byte[]> readFrame() throws IOException {
        Integer length = lengthAt(position);
        if (length == null) {
            skipDamage();
            return null;
        }
        int checksum = bytes(position + SpoolFormat.FRAME_BYTES - Integer.BYTES, Integer.BYTES)
                .getInt();
        if (length == SpoolFormat.END) {
            ended = true;
            if (checksum != SpoolFormat.checksum(new byte[0])) {
                damages.add("its end mark is damaged");
            }
            if (position + SpoolFormat.FRAME_BYTES < size) {
                damages.add("something follows its end");
            }
            return null;
        }
        byte[] record = new byte[length];
        bytes(position + SpoolFormat.FRAME_BYTES, length).get(record);
        if (SpoolFormat.checksum(record) != checksum) {
            skipDamage();
            return null;
        }
        position += SpoolFormat.FRAME_BYTES + (long) length;
        try {
            return RecordBytes.decode(record);
        } catch (IOException e) {
            lost++;
            return null;
        }
    }

    /** The length of the frame's record, if there is a frame and it fits into the file. */
    private @Nullable Integer lengthAt(long at) throws IOException {
        if (size - at < SpoolFormat.FRAME_BYTES) {
            return null;
        }
        ByteBuffer frame = bytes(at, SpoolFormat.FRAME_BYTES);
        if (frame.getLong() != mark) {
            return null;
        }
        int length = frame.getInt();
        boolean possible = length == SpoolFormat.END
                || (length >= 0
                        && length <= SpoolFormat.MOST_RECORD_BYTES
                        && length <= size - at - SpoolFormat.FRAME_BYTES);
        return possible && frame.getInt() == SpoolFormat.checksum(mark, length) ? length : null;
    }

    /** To the next mark. */
    private void skipDamage() throws IOException {
        if (size - position <= SpoolFormat.FRAME_BYTES) {
            damages.add("it has no end mark");
            ended = true;
            return;
        }
        lost++;
        for (position++; size - position >= Long.BYTES; position++) {
            if (bytes(position, Long.BYTES).getLong() == mark) {
                return;
            }
        }
        damages.add("it has no end mark");
        ended = true;
    }

    /** So many bytes of the file, which has them. */
    private ByteBuffer bytes(long at, int count) throws IOException {
        if (at < windowStart || at + count > windowStart + window.limit()) {
            window = ByteBuffer.allocate((int) Math.min(size - at, Math.max(count, WINDOW_BYTES)));
            windowStart = at;
            while (window.hasRemaining()) {
                if (channel.read(window, at + window.position()) < 0) {
                    throw new IOException("The file has become shorter");
                }
            }
            window.flip();
        }
        return window.slice((int) (at - windowStart), count);
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
