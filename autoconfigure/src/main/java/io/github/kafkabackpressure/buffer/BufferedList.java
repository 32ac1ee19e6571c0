package io.github.kafkabackpressure.buffer;

import org.jspecify.annotations.Nullable;

/**
 * Records in the order in which they came, linked through themselves: any of them leaves in constant time.
 *
 * <p>Threading: under the lock of the buffer that owns it.
 */
final class BufferedList<E extends Buffered> {

    private @Nullable E head;
    private @Nullable E tail;
    private int records;
    private long bytes;

    @Nullable E head() {
        return head;
    }

    @Nullable E tail() {
        return tail;
    }

    @SuppressWarnings("unchecked") // The links of an E are Es.
    @Nullable E before(E record) {
        return (E) record.older;
    }

    @SuppressWarnings("unchecked")
    @Nullable E after(E record) {
        return (E) record.newer;
    }

    int records() {
        return records;
    }

    long bytes() {
        return bytes;
    }

    boolean holds(Buffered record) {
        return record.list == this;
    }

    void append(E record) {
        E last = tail;
        record.older = last;
        if (last == null) {
            head = record;
        } else {
            last.newer = record;
        }
        tail = record;
        record.list = this;
        records++;
        bytes += record.bytes;
    }

    @SuppressWarnings("unchecked")
    void remove(E record) {
        Buffered before = record.older;
        Buffered after = record.newer;
        if (before == null) {
            head = (E) after;
        } else {
            before.newer = after;
        }
        if (after == null) {
            tail = (E) before;
        } else {
            after.older = before;
        }
        record.older = null;
        record.newer = null;
        record.list = null;
        records--;
        bytes -= record.bytes;
    }
}
