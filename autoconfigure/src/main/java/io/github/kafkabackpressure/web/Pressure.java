package io.github.kafkabackpressure.web;

import java.time.Duration;

/**
 * Whether something has more than it can do, and how long that may last.
 *
 * <p>Threading: any thread.
 */
public interface Pressure {

    /** Whether it is over its soft limit. Cheap enough to be asked for each request. */
    boolean isOver();

    /** About how long it takes until it is not any more, at the present speed; a long time if that cannot be told. */
    Duration timeToDrain();
}
