package io.github.kafkabackpressure.benchmarks.report;

import java.util.Map;
import java.util.stream.Collectors;

/**
 * Where and when something was measured.
 *
 * @param date the day, ISO 8601
 * @param cpu the processor's model
 * @param cores processors that the JVM sees
 * @param memoryMegabytes memory of the machine
 * @param os name and version of the kernel
 * @param jdk the JVM of the contenders
 * @param versions what was measured, by name
 * @param jvmOptions the options of each contender's JVM
 */
public record Environment(
        String date,
        String cpu,
        int cores,
        long memoryMegabytes,
        String os,
        String jdk,
        Map<String, String> versions,
        String jvmOptions) {

    /** The names and versions of all that was measured. */
    String versionsInWords() {
        return versions.entrySet().stream()
                .map(version -> version.getKey() + " " + version.getValue())
                .collect(Collectors.joining(", "));
    }
}
