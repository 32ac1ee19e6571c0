package io.github.kafkabackpressure.benchmarks.contender;

import java.util.Map;

/**
 * What one run measured.
 *
 * @param metrics figures by metric id; one that cannot be known is absent
 * @param jdk the JVM that it ran in
 */
public record RunResult(Map<String, Double> metrics, String jdk) {}
