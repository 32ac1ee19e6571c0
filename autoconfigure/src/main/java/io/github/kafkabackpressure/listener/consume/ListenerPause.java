package io.github.kafkabackpressure.listener.consume;

import io.github.kafkabackpressure.PauseReason;
import io.github.kafkabackpressure.listener.overload.Overload;
import io.github.kafkabackpressure.listener.task.ListenerRun;
import org.jspecify.annotations.Nullable;

/**
 * Whether the whole listener is paused on a consumer, for want of room, and why.
 *
 * <p>Threading: the consumer's thread.
 */
final class ListenerPause {

    private final ListenerRun run;

    private final PollRoom room;

    private final @Nullable Overload overload;

    private @Nullable PauseReason reason;

    ListenerPause(Assignment assignment) {
        this.run = assignment.run;
        this.room = assignment.room;
        this.overload = assignment.side.overload;
    }

    /** Why all is paused; null if it is not. */
    @Nullable PauseReason reason() {
        return reason;
    }

    /**
     * Reserves room for a poll, or says why there is none.
     *
     * @param mayPoll whether there is a partition that might be polled; if there is none, others get the room
     */
    void decide(boolean mayPoll) {
        PauseReason before = reason;
        if (mayPoll) {
            reason = reasonNow();
            room.setWaiting(reason != null);
            if (reason != null) {
                // What was released before this consumer counted as waiting woke nobody.
                reason = reasonNow();
                room.setWaiting(reason != null);
            }
        } else {
            reason = null;
            room.leaveToOthers();
            handOnRoom();
        }
        if (before != reason) {
            if (before != null) {
                run.metrics.resumed(before);
            }
            if (reason != null) {
                run.metrics.paused(reason);
            }
        }
    }

    private @Nullable PauseReason reasonNow() {
        handOnRoom();
        if (overload != null && overload.hasUnsorted()) {
            return PauseReason.MAX_IN_FLIGHT;
        }
        boolean needsRoom = overload == null || !overload.settings.pollsWhileFull();
        if (needsRoom && !room.reserve(reason == PauseReason.MAX_IN_FLIGHT)) {
            return PauseReason.MAX_IN_FLIGHT;
        }
        return run.room.bytes.pause() ? PauseReason.MAX_IN_FLIGHT_BYTES : null;
    }

    /**
     * Gives polled records for which there was no place the room that is free now: what this consumer has reserved, and what
     * came by something that hands none on: a slice, a partition that has left, a limit that was raised.
     */
    private void handOnRoom() {
        if (overload != null && overload.hasUnsorted()) {
            room.giveBack();
            overload.admit();
        }
    }

    /** Ends the pause, as the consumer is closed. */
    void close() {
        if (reason != null) {
            run.metrics.resumed(reason);
            reason = null;
        }
    }
}
