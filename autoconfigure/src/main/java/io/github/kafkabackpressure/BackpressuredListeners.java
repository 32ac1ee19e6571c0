package io.github.kafkabackpressure;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/** Holds several {@link BackpressuredListener} annotations of one method or class; written by the compiler. */
@Target({ElementType.TYPE, ElementType.METHOD, ElementType.ANNOTATION_TYPE})
@Retention(RetentionPolicy.RUNTIME)
@Documented
public @interface BackpressuredListeners {

    /** The repeated annotations. */
    BackpressuredListener[] value();
}
