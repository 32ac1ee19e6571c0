/**
 * What somebody on call uses: the actuator endpoint, the health contributor and the watchdog. May use {@code listener}
 * and {@code producer}.
 */
@NullMarked
package io.github.kafkabackpressure.actuate;

import org.jspecify.annotations.NullMarked;
