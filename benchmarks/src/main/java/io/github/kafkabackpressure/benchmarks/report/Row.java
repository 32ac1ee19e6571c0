package io.github.kafkabackpressure.benchmarks.report;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One contender in one case.
 *
 * @param label its name in tables, unique in its case
 * @param family {@code BARE}, {@code SPRING}, {@code PEER} or {@code OURS}
 * @param runs the figures of each round, by metric id
 * @param failure why a round gave none, or null
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Row(
        String label,
        String family,
        List<Map<String, Double>> runs,
        @Nullable String failure) {

    boolean has(Metric metric) {
        return values(metric).length > 0;
    }

    double median(Metric metric) {
        double[] values = values(metric);
        int middle = values.length / 2;
        return values.length % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
    }

    double least(Metric metric) {
        return values(metric)[0];
    }

    double most(Metric metric) {
        double[] values = values(metric);
        return values[values.length - 1];
    }

    /** From the least to the most. */
    double spread(Metric metric) {
        return most(metric) - least(metric);
    }

    /** How many rounds there were. */
    int rounds(Metric metric) {
        return values(metric).length;
    }

    @JsonIgnore
    boolean isOurs() {
        return family.equals("OURS");
    }

    /** Its label as Markdown. */
    String emphasizedLabel() {
        return isOurs() ? "**" + label + "**" : label;
    }

    private double[] values(Metric metric) {
        return runs.stream()
                .map(run -> run.get(metric.id()))
                .filter(Objects::nonNull)
                .mapToDouble(Double::doubleValue)
                .sorted()
                .toArray();
    }
}
