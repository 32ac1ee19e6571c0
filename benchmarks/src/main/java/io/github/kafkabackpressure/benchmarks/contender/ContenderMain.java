package io.github.kafkabackpressure.benchmarks.contender;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Path;
import jdk.jfr.FlightRecorder;
import jdk.jfr.Recording;

/**
 * The main class of a run's JVM: reads the {@link Run} from the file that the first argument names, writes the
 * {@link RunResult} to the second.
 */
public final class ContenderMain {

    private ContenderMain() {}

    public static void main(String[] arguments) throws Exception {
        ObjectMapper json = new ObjectMapper();
        Run run = json.readValue(Path.of(arguments[0]).toFile(), Run.class);
        RunResult result = run.contender().run(run);
        json.writeValue(Path.of(arguments[1]).toFile(), result);
        if (FlightRecorder.isInitialized()) {
            FlightRecorder.getFlightRecorder().getRecordings().forEach(Recording::stop);
        }
        // How a contender stops is not measured, and some take half a minute.
        Runtime.getRuntime().halt(0);
    }
}
