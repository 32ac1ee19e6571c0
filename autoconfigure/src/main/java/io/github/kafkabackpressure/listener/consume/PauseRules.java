package io.github.kafkabackpressure.listener.consume;

import io.github.kafkabackpressure.PauseReason;
import io.github.kafkabackpressure.listener.overload.Overload;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.clients.consumer.Consumer;

/**
 * The reasons for which single partitions are paused, in their order. What the user pauses, and a pause of the whole
 * listener, go before all of them.
 *
 * <p>Threading: stateless.
 */
final class PauseRules {

    /**
     * So many records from the first unfinished one to the newest pause a partition: what waits behind a stuck record
     * costs a bit each, but comes again after a restart.
     */
    static final long LONGEST_SPAN = 1 << 22;

    private PauseRules() {}

    static List<PauseRule> of(Assignment assignment, Consumer<?, ?> consumer, HeldRoom held, Shares shares) {
        Overload overload = assignment.side.overload;
        // Else who comes when it is full is dropped, or others for it: shares would decide otherwise.
        boolean hasShares = overload == null || !overload.settings.pollsWhileFull();
        List<PauseRule> rules = new ArrayList<>();
        if (hasShares) {
            rules.add(held::takeIn); // no reason, but what is counted whichever of them decides
        }
        rules.add((PauseRule.UntilAnyCompletion)
                work -> work.tracker.span() >= LONGEST_SPAN ? PauseReason.FRONTIER_STUCK : null);
        if (overload != null && !overload.settings.topicPriority().isEmpty()) {
            rules.add(new TopicShares(assignment, overload.settings, consumer));
        }
        rules.add((PauseRule.UntilAnyCompletion)
                work -> assignment.content.isNearlyFull(work) ? PauseReason.COMMIT_METADATA : null);
        rules.add(new OwnLimitRule(assignment.run.room, held));
        if (hasShares) {
            rules.add(shares);
        }
        return List.copyOf(rules);
    }
}
