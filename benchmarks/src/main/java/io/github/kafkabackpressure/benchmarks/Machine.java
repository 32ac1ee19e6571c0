package io.github.kafkabackpressure.benchmarks;

import io.github.kafkabackpressure.benchmarks.report.Environment;
import java.io.IOException;
import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.kafka.common.utils.AppInfoParser;
import org.springframework.kafka.core.KafkaTemplate;

/** The machine and the versions that a result was measured with. */
final class Machine {

    private Machine() {}

    static Environment describe(String jvmOptions) throws IOException {
        var system = (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        return new Environment(
                LocalDate.now(ZoneOffset.UTC).toString(),
                cpu(),
                system.getAvailableProcessors(),
                system.getTotalMemorySize() / 1_000_000,
                system.getName() + " " + system.getVersion() + " " + system.getArch(),
                Runtime.version() + " (" + System.getProperty("java.vendor") + ")",
                versions(),
                jvmOptions);
    }

    private static String cpu() {
        try (Stream<String> lines = Files.lines(Path.of("/proc/cpuinfo"))) {
            return lines.filter(line -> line.startsWith("model name"))
                    .map(line -> line.substring(line.indexOf(':') + 1).trim())
                    .findFirst()
                    .orElse("unknown processor");
        } catch (IOException ex) {
            return "unknown processor";
        }
    }

    private static Map<String, String> versions() throws IOException {
        Map<String, String> versions = new TreeMap<>();
        Properties built = new Properties();
        try (InputStream in = Machine.class.getResourceAsStream("/versions.properties")) {
            built.load(in);
        }
        built.forEach((name, version) -> versions.put(name.toString(), version.toString()));
        versions.put("kafka-clients", AppInfoParser.getVersion());
        String springKafka = KafkaTemplate.class.getPackage().getImplementationVersion();
        versions.put("spring-kafka", springKafka == null ? "unknown" : springKafka);
        return versions;
    }
}
