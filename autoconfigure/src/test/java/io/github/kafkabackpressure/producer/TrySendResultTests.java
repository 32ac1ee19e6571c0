package io.github.kafkabackpressure.producer;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

class TrySendResultTests {

    @Test
    void onlyWhatIsInTheBufferIsAccepted() {
        assertThat(new TrySendResult.Accepted<>(new CompletableFuture<>()).accepted())
                .isTrue();
        assertThat(new TrySendResult.Accepted<>(CompletableFuture.failedFuture(new IllegalStateException("later")))
                        .accepted())
                .isTrue();
        assertThat(new TrySendResult.RateLimited<>().accepted()).isFalse();
        assertThat(new TrySendResult.Dropped<>("full").accepted()).isFalse();
        assertThat(new TrySendResult.Closed<>().accepted()).isFalse();
    }
}
