package io.github.kafkabackpressure.benchmarks.report;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Contenders under one load.
 *
 * @param title what is measured
 * @param description the load, for a reader who wants to repeat it
 * @param primary the metric that counts
 * @param baseline the label of the row that others are set against, or null for the first
 * @param rows the contenders
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Case(
        String title,
        String description,
        Metric primary,
        @Nullable String baseline,
        List<Row> rows) {

    /** The row that the others are set against, if it was measured. */
    Optional<Row> baselineRow() {
        return rows.stream()
                .filter(row -> baseline == null || row.label().equals(baseline))
                .findFirst()
                .filter(row -> row.has(primary));
    }
}
