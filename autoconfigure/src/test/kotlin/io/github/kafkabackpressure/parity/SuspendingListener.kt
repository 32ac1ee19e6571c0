package io.github.kafkabackpressure.parity

import io.github.kafkabackpressure.BackpressuredListener
import java.util.function.BiConsumer
import kotlinx.coroutines.delay

/** Listener functions that suspend: their records are finished when the coroutine is. */
class SuspendingListener(private val seen: BiConsumer<String, String>) {

    @BackpressuredListener(id = "suspending")
    suspend fun suspending(value: String) {
        seen.accept("suspending", value)
        delay(20)
        if (value.startsWith("fail")) {
            throw IllegalStateException(value)
        }
        seen.accept("resumed", value)
    }
}
