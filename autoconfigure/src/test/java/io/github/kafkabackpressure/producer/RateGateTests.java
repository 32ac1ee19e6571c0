package io.github.kafkabackpressure.producer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class RateGateTests {

    private final List<String> passed = Collections.synchronizedList(new ArrayList<>());

    private final Thread other = new Thread(this::pass);

    /** Lets everyone pass, the first one only when another one waits for its turn. */
    private long admit() {
        if (passed.isEmpty()) {
            other.start();
            await().until(() -> other.getState() == Thread.State.TIMED_WAITING);
        }
        passed.add(Thread.currentThread() == other ? "other" : "busy");
        return 0;
    }

    private final RateGate gate = new RateGate(this::admit, System::nanoTime);

    private void pass() {
        try {
            assertThat(gate.pass(TimeUnit.MINUTES.toNanos(1), () -> true)).isTrue();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void whoSendsAllTheTimeDoesNotPassBeforeThoseThatWait() throws Exception {
        pass();
        pass();
        other.join();
        assertThat(passed).containsExactly("busy", "other", "busy");
    }
}
