package io.github.kafkabackpressure.benchmarks;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What the command line says after the suite's name.
 *
 * @param size how much is run
 * @param rounds how many times every contender runs, in turn
 * @param records records measured in each run; 0 for what the size says
 * @param contenders ids of the only contenders to run; empty for all
 * @param cases parts of the titles of the only cases to run, with a $ for their ends; an empty one is part of all
 * @param heap the heap of each contender's JVM, as {@code -Xmx} takes it
 * @param builds other builds of this project that run beside the present one, by the name that tables give them
 * @param jfr a directory for a flight recording of every run, or null for none
 * @param results the directory of results
 */
record Options(
        Size size,
        int rounds,
        long records,
        List<String> contenders,
        List<String> cases,
        String heap,
        Map<String, Path> builds,
        @Nullable Path jfr,
        Path results) {

    /** How much is run. */
    enum Size {
        /** Seconds for each run, one round: shows that it runs, its figures mean little. */
        SMALL(1),
        /** What results are quoted from. */
        FULL(5);

        private final int rounds;

        Size(int rounds) {
            this.rounds = rounds;
        }
    }

    /** Where results are written unless the command line says otherwise. */
    static final Path RESULTS = Path.of("benchmarks", "results");

    static final String HELP = """
              --size small|full       how much is run (small)
              --rounds N              times that every contender runs, in turn (small 1, full 5)
              --records N             records measured in each run
              --contenders ID,ID      only these
              --case TEXT|TEXT        only cases whose title has one of these texts; $ is its end
              --heap SIZE             heap of each contender's JVM (1g)
              --builds NAME=JAR,...   this project's contenders also with that jar in place of the autoconfigure module's
              --jfr DIRECTORY         a flight recording of every run
              --results DIRECTORY     where results are written (benchmarks/results)
            """;

    static Options parse(List<String> arguments) {
        Size size = Size.SMALL;
        int rounds = 0;
        long records = 0;
        List<String> contenders = List.of();
        List<String> cases = List.of("");
        String heap = "1g";
        Map<String, Path> builds = Map.of();
        Path jfr = null;
        Path results = RESULTS;
        for (int i = 0; i < arguments.size(); i += 2) {
            String name = arguments.get(i);
            if (i + 1 == arguments.size()) {
                throw new IllegalArgumentException(name + " needs a value");
            }
            String value = arguments.get(i + 1);
            switch (name) {
                case "--size" -> size = Size.valueOf(value.toUpperCase(Locale.ROOT));
                case "--rounds" -> rounds = Integer.parseInt(value);
                case "--records" -> records = Long.parseLong(value);
                case "--contenders" -> contenders = Arrays.asList(value.split(",", -1));
                case "--case" -> cases = Arrays.asList(value.split("\\|", -1));
                case "--heap" -> heap = value;
                case "--builds" -> builds = builds(value);
                case "--jfr" -> jfr = Path.of(value).toAbsolutePath();
                case "--results" -> results = Path.of(value);
                default -> throw new IllegalArgumentException("No option " + name);
            }
        }
        return new Options(
                size, rounds > 0 ? rounds : size.rounds, records, contenders, cases, heap, builds, jfr, results);
    }

    private static Map<String, Path> builds(String value) {
        Map<String, Path> builds = new LinkedHashMap<>();
        for (String build : value.split(",", -1)) {
            int equals = build.indexOf('=');
            Path jar = Path.of(build.substring(equals + 1)).toAbsolutePath();
            if (equals < 1 || !Files.isRegularFile(jar)) {
                throw new IllegalArgumentException("--builds takes NAME=JAR, and the jar must be there: " + build);
            }
            builds.put(build.substring(0, equals), jar);
        }
        return builds;
    }

    boolean isFull() {
        return size == Size.FULL;
    }

    /** Records measured in a run: what the command line says, or what the size means here. */
    long records(long small, long full) {
        if (records > 0) {
            return records;
        }
        return isFull() ? full : small;
    }
}
