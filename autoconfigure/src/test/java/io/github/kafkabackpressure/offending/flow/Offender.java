package io.github.kafkabackpressure.offending.flow;

import org.springframework.util.StringUtils;

/** Breaks rules: a bottom layer uses one above it, Spring and a thread, prints and sleeps. */
public class Offender {

    io.github.kafkabackpressure.offending.listener.Offender forbidden;

    void offend() throws InterruptedException {
        System.out.println(StringUtils.hasText(""));
        new Thread(() -> {}).start();
        Thread.sleep(1);
    }
}
