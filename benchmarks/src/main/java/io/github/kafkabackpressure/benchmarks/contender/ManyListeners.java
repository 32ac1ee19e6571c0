package io.github.kafkabackpressure.benchmarks.contender;

import io.github.kafkabackpressure.BackpressuredListener;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.springframework.boot.SpringApplication;
import org.springframework.context.support.GenericApplicationContext;
import org.springframework.kafka.annotation.KafkaListener;

/** Applications with twenty listeners, each with a group of its own. */
final class ManyListeners {

    private static final int LISTENERS = 20;

    private ManyListeners() {}

    static Probe kafkaListeners(Run run) {
        return start(run, KafkaListeners.class);
    }

    static Probe backpressuredListeners(Run run) {
        return start(run, BackpressuredListeners.class);
    }

    private static <T extends Listener> Probe start(Run run, Class<T> type) {
        SpringApplication application = new SpringApplication(SpringApplications.Application.class);
        application.addInitializers(context -> {
            GenericApplicationContext beans = (GenericApplicationContext) context;
            for (int i = 0; i < LISTENERS; i++) {
                String id = run.group() + "-listener-" + i;
                beans.registerBean(
                        id,
                        type,
                        definition -> definition.getConstructorArgumentValues().addIndexedArgumentValue(0, id));
            }
        });
        return SpringApplications.consume(run, application, Map.of());
    }

    /** One of the twenty. */
    abstract static class Listener {

        private final String id;

        private final Probe probe;

        Listener(String id, Probe probe) {
            this.id = id;
            this.probe = probe;
        }

        /** Asked for by the annotations. */
        public String getId() {
            return id;
        }

        void handled(ConsumerRecord<String, String> record) {
            probe.handle(record);
        }
    }

    static class KafkaListeners extends Listener {

        KafkaListeners(String id, Probe probe) {
            super(id, probe);
        }

        @KafkaListener(id = "#{__listener.id}", topics = "${benchmark.topic}")
        void handle(ConsumerRecord<String, String> record) {
            handled(record);
        }
    }

    static class BackpressuredListeners extends Listener {

        BackpressuredListeners(String id, Probe probe) {
            super(id, probe);
        }

        @BackpressuredListener(id = "#{__listener.id}", topics = "${benchmark.topic}")
        void handle(ConsumerRecord<String, String> record) {
            handled(record);
        }
    }
}
