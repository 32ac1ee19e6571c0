package io.github.kafkabackpressure.buffer;

import io.github.kafkabackpressure.buffer.Waiting.Lane;
import io.github.kafkabackpressure.buffer.Waiting.Stage;

/**
 * How records come to their turns in their lanes, and out of them.
 *
 * <p>Threading: under the lock of its {@link WaitingRoom}.
 */
final class LaneTurns {

    private final WaitingRecords records;

    private final StartOrder<?> order;

    LaneTurns(WaitingRecords records, StartOrder<?> order) {
        this.records = records;
        this.order = order;
    }

    /** Puts a record that is to wait at the end of its lane. */
    void join(Waiting record, WaitingLanes lanes, Object laneKey, long now) {
        record.partition = lanes;
        lanes.laneOf(laneKey).append(record);
        readyIfFirst(record, now);
    }

    /** Takes in that a record may start if it is the first of its lane and nothing else keeps it. */
    void readyIfFirst(Waiting record, long now) {
        Lane lane = record.lane();
        if (lane.first == record) {
            order.addIfReady(lane, now);
        }
    }

    /** Starts a record that waits. */
    void begin(Waiting record) {
        Lane lane = record.lane();
        unlink(record, lane, Stage.STARTED);
        lane.started++;
    }

    /** Has a record hold its lane that was started elsewhere, unless its turn is over already. */
    void beginOutside(Waiting record, WaitingLanes lanes, Object laneKey) {
        if (record.stage == Stage.OUTSIDE) {
            record.stage = Stage.STARTED;
            record.admitted = true;
            record.partition = lanes;
            record.lane = lanes.laneOf(laneKey);
            record.lane().started++;
        }
    }

    /** Ends the turn of a started record; false if it had none here. */
    boolean end(Waiting started, long now) {
        if (started.stage == Stage.OUTSIDE && started.lane == null) {
            started.stage = Stage.OVER;
        }
        if (started.stage != Stage.STARTED) {
            return false;
        }
        started.stage = Stage.OUTSIDE;
        Lane lane = started.lane();
        lane.started--;
        if (lane.isEmpty()) {
            started.partition().forget(lane);
        } else {
            order.addIfReady(lane, now);
        }
        return true;
    }

    /** Takes a record out that waits. */
    void remove(Waiting record, long now) {
        Lane lane = record.lane();
        boolean first = lane.first == record;
        if (first) {
            order.remove(lane, now);
        }
        unlink(record, lane, Stage.OUTSIDE);
        if (lane.isEmpty()) {
            record.partition().forget(lane);
        } else if (first) {
            order.addIfReady(lane, now);
        }
    }

    private void unlink(Waiting record, Lane lane, Stage to) {
        lane.remove(record);
        records.remove(record, to);
        record.partition().notNewest(record.key, record);
    }
}
