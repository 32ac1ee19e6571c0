/**
 * The sending half: the template with its buffer, the thread that empties it, and the flush at shutdown. May use
 * {@code buffer}, {@code rate} and the root package; never {@code listener}.
 */
@NullMarked
package io.github.kafkabackpressure.producer;

import org.jspecify.annotations.NullMarked;
