package io.github.kafkabackpressure.offending.listener;

/** Uses the other of two classes, which uses this one. */
class OneOfTwo {

    OtherOfTwo other() {
        return new OtherOfTwo();
    }
}
