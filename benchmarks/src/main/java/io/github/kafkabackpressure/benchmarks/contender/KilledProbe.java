package io.github.kafkabackpressure.benchmarks.contender;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/** Marks what is handled, until the process is killed, which it asks for once it is at work. */
final class KilledProbe implements Probe {

    private final Run run;

    private final Work work;

    private final Marks marks;

    KilledProbe(Run run) {
        this.run = run;
        this.work = Work.of(run);
        this.marks = open(run);
    }

    static Marks open(Run run) {
        try {
            return new Marks(
                    Path.of(run.setup().marks()),
                    run.partitions(),
                    Math.toIntExact(run.load().records()));
        } catch (IOException ex) {
            throw new IllegalStateException("No marks", ex);
        }
    }

    @Override
    public void handle(String value) {
        throw new IllegalStateException("This probe needs the record's offset");
    }

    @Override
    public void handle(ConsumerRecord<String, String> record) {
        work.on(record);
        marks.mark(record.partition(), record.offset());
        PolledRecords.finished();
    }

    @Override
    public Map<String, Double> await() {
        long start = System.nanoTime();
        long limit = TimeUnit.SECONDS.toNanos(run.load().limitSeconds());
        while (PolledRecords.finishedSum() < run.load().warmUp() && System.nanoTime() - start < limit) {
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1));
        }
        Requests.send(Requests.KILL);
        throw new IllegalStateException("Not killed");
    }
}
