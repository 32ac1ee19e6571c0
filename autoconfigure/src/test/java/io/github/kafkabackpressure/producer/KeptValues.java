package io.github.kafkabackpressure.producer;

import io.github.kafkabackpressure.producer.spool.Undelivered;
import io.github.kafkabackpressure.producer.spool.UndeliveredStore;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.BooleanSupplier;

/**
 * A store that keeps all that it may, and has nothing to send again.
 *
 * @param values gets the values of what it is given, in that order
 */
record KeptValues(List<String> values) implements UndeliveredStore<String, String> {

    @Override
    public boolean replay(BooleanSupplier mayGoOn) {
        return true;
    }

    @Override
    public <S extends Undelivered<String, String>> Set<S> keep(List<S> undelivered, BooleanSupplier mayKeep) {
        undelivered.forEach(send -> values.add(send.record().value()));
        return mayKeep.getAsBoolean() ? new HashSet<>(undelivered) : Set.of();
    }
}
