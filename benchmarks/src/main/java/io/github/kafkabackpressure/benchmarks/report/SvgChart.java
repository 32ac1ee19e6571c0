package io.github.kafkabackpressure.benchmarks.report;

import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/**
 * A suite's result as bars: a panel for each case, a bar for each contender as long as its median, and a line from the
 * least to the most of its rounds.
 */
final class SvgChart {

    private static final int WIDTH = 1060;

    private static final int LABELS = 410;

    private static final int FIGURES = 110;

    private static final int BAR = 18;

    private static final int STEP = 26;

    private static final int PANEL_HEAD = 54;

    private static final int LEGEND = 40;

    private final StringBuilder out = new StringBuilder();

    private SvgChart() {}

    static String of(SuiteResult result) {
        SvgChart chart = new SvgChart();
        chart.draw(result);
        return chart.out.toString();
    }

    private void draw(SuiteResult result) {
        int height = LEGEND + 10;
        for (Case measured : result.cases()) {
            height += PANEL_HEAD + measured.rows().size() * STEP;
        }
        line(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\""
                        + " font-family=\"system-ui, sans-serif\" font-size=\"13\">",
                WIDTH, height, WIDTH, height);
        line("<title>%s</title>", escaped(result.suite()));
        line("<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>");
        legend();
        int top = LEGEND;
        for (Case measured : result.cases()) {
            panel(measured, top);
            top += PANEL_HEAD + measured.rows().size() * STEP;
        }
        line("</svg>");
    }

    private void legend() {
        List<String> families = List.of("BARE", "SPRING", "PEER", "OURS");
        List<String> names = List.of("Kafka client alone", "spring-kafka", "other libraries", "Kafka Backpressure");
        IntStream.range(0, families.size()).forEach(i -> {
            int x = 20 + i * 190;
            line("<rect x=\"%d\" y=\"14\" width=\"14\" height=\"14\" fill=\"%s\"/>", x, colour(families.get(i)));
            line("<text x=\"%d\" y=\"26\" fill=\"#333333\">%s</text>", x + 20, names.get(i));
        });
    }

    private void panel(Case measured, int top) {
        Metric primary = measured.primary();
        line(
                "<text x=\"20\" y=\"%d\" font-weight=\"600\" fill=\"#111111\">%s</text>",
                top + 22, escaped(measured.title()));
        line(
                "<text x=\"20\" y=\"%d\" font-size=\"11\" fill=\"#666666\">%s, %s is better; median of the rounds, line"
                        + " from the least to the most</text>",
                top + 39, escaped(primary.label()), primary.better() == Metric.Better.HIGHER ? "more" : "less");
        double most = measured.rows().stream()
                .filter(row -> row.has(primary))
                .mapToDouble(row -> row.most(primary))
                .max()
                .orElse(1);
        int y = top + PANEL_HEAD - 6;
        for (Row row : measured.rows()) {
            bar(row, primary, (WIDTH - LABELS - FIGURES) / Math.max(most, 1e-9), y);
            y += STEP;
        }
    }

    private void bar(Row row, Metric primary, double scale, int y) {
        line(
                "<text x=\"%d\" y=\"%d\" text-anchor=\"end\" fill=\"#333333\"%s>%s</text>",
                LABELS - 10, y + 14, row.isOurs() ? " font-weight=\"600\"" : "", escaped(row.label()));
        if (!row.has(primary)) {
            line("<text x=\"%d\" y=\"%d\" fill=\"#999999\">no figure</text>", LABELS, y + 14);
            return;
        }
        double median = row.median(primary);
        line(
                "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>",
                LABELS, y, Math.max(1, median * scale), BAR, colour(row.family()));
        line(
                "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\" stroke=\"#111111\"/>",
                LABELS + row.least(primary) * scale, y + BAR / 2, LABELS + row.most(primary) * scale, y + BAR / 2);
        line(
                "<text x=\"%.1f\" y=\"%d\" fill=\"#333333\">%s</text>",
                LABELS + row.most(primary) * scale + 6, y + 14, primary.format(median));
    }

    private static String colour(String family) {
        return switch (family) {
            case "BARE" -> "#9aa0a6";
            case "SPRING" -> "#7fb069";
            case "PEER" -> "#e8a33d";
            default -> "#2f6fde";
        };
    }

    private static String escaped(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    }

    private void line(String format, Object... arguments) {
        out.append(String.format(Locale.ROOT, format, arguments)).append('\n');
    }
}
