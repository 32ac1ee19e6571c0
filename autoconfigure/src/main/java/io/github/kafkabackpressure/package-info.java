/**
 * What users write: the annotation and its enums. May be used by every package; uses none of the others.
 */
@NullMarked
package io.github.kafkabackpressure;

import org.jspecify.annotations.NullMarked;
