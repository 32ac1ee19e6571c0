/**
 * A sample: an order service whose payment step is slower than its orders come in. Uses the starter the way any
 * application does.
 */
@NullMarked
package io.github.kafkabackpressure.sample;

import org.jspecify.annotations.NullMarked;
