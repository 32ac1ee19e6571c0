/**
 * Rate limits: how many records may pass in a time, and a gate that lets threads pass one after the other. Plain Java:
 * uses the JDK and the root package only, and Bucket4j where a producer's token bucket or common buckets are asked for; starts no thread and takes
 * time as a parameter.
 */
@NullMarked
package io.github.kafkabackpressure.rate;

import org.jspecify.annotations.NullMarked;
