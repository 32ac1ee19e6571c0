package io.github.kafkabackpressure.offending.listener;

/** Uses the one of two classes, which uses this one. */
class OtherOfTwo {

    OneOfTwo one() {
        return new OneOfTwo();
    }
}
