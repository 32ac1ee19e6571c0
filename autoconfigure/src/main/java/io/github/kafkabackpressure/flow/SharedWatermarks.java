package io.github.kafkabackpressure.flow;

/**
 * Watermarks with one state for all that go by them: whoever finds the level at the high one pauses all, and all stay
 * paused until somebody finds it at the low one. With a state for each, one that is not paused could keep the level
 * above the low watermark for ever, and one that is would starve.
 *
 * <p>Threading: safe for all. A state that two write at once is what either saw; the next look puts it right.
 */
public final class SharedWatermarks {

    private volatile Watermarks marks;

    private volatile boolean paused;

    public SharedWatermarks(Watermarks marks) {
        this.marks = marks;
    }

    /** Sets other watermarks; the next look at the level goes by them. */
    public void change(Watermarks changed) {
        marks = changed;
    }

    /** Takes in the present level and says whether it pauses. */
    public boolean pauses(long level) {
        boolean before = paused;
        boolean now = marks.pauses(before, level);
        if (now != before) {
            paused = now;
        }
        return now;
    }

    /** Whether the present level ends a pause. Look after having changed the level. */
    public boolean resumesAt(long level) {
        return paused && level <= marks.low();
    }
}
