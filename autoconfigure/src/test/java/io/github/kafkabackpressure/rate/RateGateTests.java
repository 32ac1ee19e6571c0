package io.github.kafkabackpressure.rate;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.RepeatedTest;

class RateGateTests {

    private final List<String> passed = Collections.synchronizedList(new ArrayList<>());

    private final RateGate gate = new RateGate(this::admit, System::nanoTime);

    private final Thread other = new Thread(this::pass);

    /** Lets everyone pass, the first one only when another one waits for its turn. */
    private long admit() {
        if (passed.isEmpty()) {
            other.start();
            while (other.getState() != Thread.State.TIMED_WAITING) {
                Thread.onSpinWait();
            }
        }
        passed.add(Thread.currentThread() == other ? "other" : "busy");
        return 0;
    }

    private void pass() {
        try {
            gate.pass(TimeUnit.MINUTES.toNanos(1), () -> true);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Repeated, as it depends on how long a thread takes to wake. */
    @RepeatedTest(100)
    void whoSendsAllTheTimeDoesNotPassBeforeThoseThatWait() throws Exception {
        pass();
        pass();
        other.join();
        assertThat(passed).containsExactly("busy", "other", "busy");
    }
}
