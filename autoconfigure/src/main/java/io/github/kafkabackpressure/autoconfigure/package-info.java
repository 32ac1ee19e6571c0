/**
 * Wires everything into a Spring Boot application. May use every other package; none uses it.
 */
@NullMarked
package io.github.kafkabackpressure.autoconfigure;

import org.jspecify.annotations.NullMarked;
