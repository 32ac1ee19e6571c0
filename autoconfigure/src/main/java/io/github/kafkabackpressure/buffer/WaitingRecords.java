package io.github.kafkabackpressure.buffer;

import io.github.kafkabackpressure.Overflow;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * All records that wait in a room, in the order in which they came: which of them have no place within the limit yet, and
 * which is dropped for another one.
 *
 * <p>Threading: under the lock of its {@link WaitingRoom}.
 */
final class WaitingRecords {

    private final BufferedList<Waiting> all = new BufferedList<>();

    private final Victims victims;

    private long arrivals;

    /** How many have no place. */
    private int unadmitted;

    WaitingRecords(Overflow overflow, RandomGenerator random) {
        this.victims = Victims.of(overflow, all::head, random);
    }

    void add(Waiting record, boolean admitted, long now) {
        record.accepted(++arrivals, now);
        record.admitted = admitted;
        record.stage = Waiting.Stage.WAITS;
        all.append(record);
        victims.added(record);
        if (!admitted) {
            unadmitted++;
        }
    }

    /** Takes a record out, and says where it goes. */
    void remove(Waiting record, Waiting.Stage to) {
        all.remove(record);
        victims.removed(record);
        record.stage = to;
        if (!record.admitted) {
            unadmitted--;
        }
    }

    /** The one to drop for another one; null if none may be. */
    @Nullable Waiting victimFor(Buffered incoming) {
        return victims.canYield(incoming, 1, 0) && all.head() != null ? (Waiting) victims.choose() : null;
    }

    boolean hasUnadmitted() {
        return unadmitted > 0;
    }

    /** The one that waits for a place longest; null if none does. */
    @Nullable Waiting firstUnadmitted() {
        // The newest ones are those without a place, but for some among them whose victims were quicker.
        Waiting first = null;
        int left = unadmitted;
        for (Waiting at = all.tail(); at != null && left > 0; at = all.before(at)) {
            if (!at.admitted) {
                first = at;
                left--;
            }
        }
        return first;
    }

    /** Gives a place to one that has none. */
    void admit(Waiting record) {
        record.admitted = true;
        unadmitted--;
    }

    int size() {
        return all.records();
    }

    /** Those for which something holds, oldest first. */
    List<Waiting> matching(Predicate<Waiting> wanted) {
        List<Waiting> found = new ArrayList<>();
        for (Waiting at = all.head(); at != null; at = all.after(at)) {
            if (wanted.test(at)) {
                found.add(at);
            }
        }
        return found;
    }
}
