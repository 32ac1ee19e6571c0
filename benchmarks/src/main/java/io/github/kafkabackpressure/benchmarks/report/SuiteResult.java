package io.github.kafkabackpressure.benchmarks.report;

import java.util.List;

/**
 * What one suite measured.
 *
 * @param suite its name
 * @param size how much of it was run
 * @param environment where and when
 * @param cases what came out
 */
public record SuiteResult(String suite, String size, Environment environment, List<Case> cases) {}
