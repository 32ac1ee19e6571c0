package io.github.kafkabackpressure.actuate;

import io.github.kafkabackpressure.listener.BackpressuredMessageListenerContainer;
import java.util.Arrays;
import java.util.stream.Collectors;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * What an operator can do to a listener.
 *
 * <p>Threading: any thread but the listener's own.
 */
enum ListenerAction {

    /** Polls nothing more of the listener, or of a partition, until {@link #RESUME}. What is in flight is handled. */
    PAUSE {
        @Override
        void on(BackpressuredMessageListenerContainer<?, ?> container, @Nullable TopicPartition partition) {
            if (partition == null) {
                container.pause();
            } else {
                container.pausePartition(partition);
            }
        }
    },

    /** Ends {@link #PAUSE}. */
    RESUME {
        @Override
        void on(BackpressuredMessageListenerContainer<?, ?> container, @Nullable TopicPartition partition) {
            if (partition == null) {
                container.resume();
            } else {
                container.resumePartition(partition);
            }
        }
    },

    /** Pauses, and waits for what is in flight up to {@code drain-timeout}. */
    DRAIN {
        @Override
        void on(BackpressuredMessageListenerContainer<?, ?> container, @Nullable TopicPartition partition) {
            container.pause();
            container.awaitNothingInFlight(container.getOptions().drainTimeout());
        }
    },

    /** Stops, as the application's end does. */
    STOP {
        @Override
        void on(BackpressuredMessageListenerContainer<?, ?> container, @Nullable TopicPartition partition) {
            container.stop();
        }
    },

    /** Starts, if it is stopped. */
    START {
        @Override
        void on(BackpressuredMessageListenerContainer<?, ?> container, @Nullable TopicPartition partition) {
            container.start();
        }
    },

    /** Stops and starts. */
    RESTART {
        @Override
        void on(BackpressuredMessageListenerContainer<?, ?> container, @Nullable TopicPartition partition) {
            container.stop();
            container.start();
        }
    };

    abstract void on(BackpressuredMessageListenerContainer<?, ?> container, @Nullable TopicPartition partition);

    /** @throws IllegalArgumentException if there is no such action */
    static ListenerAction of(String name) {
        return Arrays.stream(values())
                .filter(action -> Json.name(action).equals(name))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("unknown action '" + name + "'; a listener knows: "
                        + Arrays.stream(values()).map(Json::name).collect(Collectors.joining(", "))));
    }
}
