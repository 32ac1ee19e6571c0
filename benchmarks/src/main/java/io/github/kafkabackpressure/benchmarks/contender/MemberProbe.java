package io.github.kafkabackpressure.benchmarks.contender;

import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/** Handles, beside a {@link SurvivorProbe} in another process, until its process is killed. */
final class MemberProbe implements Probe {

    private final Load load;

    private final Work work;

    MemberProbe(Run run) {
        this.load = run.load();
        this.work = Work.of(run);
    }

    @Override
    public void handle(String value) {
        throw new IllegalStateException("This probe needs the record");
    }

    @Override
    public void handle(ConsumerRecord<String, String> record) {
        work.on(record);
        PolledRecords.finished();
    }

    @Override
    public Map<String, Double> await() {
        LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(3L * load.limitSeconds()));
        throw new IllegalStateException("Not killed");
    }
}
