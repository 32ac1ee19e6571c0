/**
 * What waits between the application and Kafka's producer: the bounded buffer, what happens when it is full, the window
 * of records in flight, and the slow mode. Plain Java: uses the JDK and the root package only, starts no
 * thread and takes time as a parameter.
 */
@NullMarked
package io.github.kafkabackpressure.buffer;

import org.jspecify.annotations.NullMarked;
