package io.github.kafkabackpressure.listener;

import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.test.BrokerProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A broker that has lost a log, as after an unclean election: other records stand where those were that were finished. */
@Tag("long")
class TruncatedLogIT {

    @Test
    void whatANewerLeaderHasWrittenIsNotTakenForWhatWasFinished() throws IOException {
        try (BrokerProcess broker = BrokerProcess.start("512m", Map.of("offsets.topic.num.partitions", "1"));
                StuckRestart restart = new StuckRestart(broker.bootstrapServers(), "truncated")) {
            broker.stop();
            deleteLog(broker, "truncated-0");
            broker.restart();
            await().ignoreExceptions().until(() -> restart.committed().offset() == 5);
            restart.scenario().sendTo(0, 100);
            restart.startFree();
            restart.handlesAgainFrom(5);
        }
    }

    private static void deleteLog(BrokerProcess broker, String partition) throws IOException {
        List<Path> files;
        try (Stream<Path> all = Files.walk(broker.directory().resolve("data").resolve(partition))) {
            files = all.sorted((one, other) -> other.compareTo(one)).toList();
        }
        for (Path file : files) {
            Files.delete(file);
        }
    }
}
