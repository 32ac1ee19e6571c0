package io.github.kafkabackpressure.web;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.ServerCalls;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

class PressureServerInterceptorTests {

    private static final MethodDescriptor.Marshaller<String> TEXT = new MethodDescriptor.Marshaller<>() {
        @Override
        public InputStream stream(String value) {
            return new ByteArrayInputStream(value.getBytes(StandardCharsets.UTF_8));
        }

        @Override
        public String parse(InputStream stream) {
            try {
                return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    };

    private static final MethodDescriptor<String, String> METHOD = MethodDescriptor.newBuilder(TEXT, TEXT)
            .setType(MethodDescriptor.MethodType.UNARY)
            .setFullMethodName("orders/place")
            .build();

    @Test
    void callsAreRefusedWithARetryDelayWhileThereIsPressure() throws Exception {
        AtomicBoolean over = new AtomicBoolean();
        Pressure pressure = new Pressure() {
            @Override
            public boolean isOver() {
                return over.get();
            }

            @Override
            public Duration timeToDrain() {
                return Duration.ofSeconds(3);
            }
        };
        Server server = InProcessServerBuilder.forName("orders")
                .directExecutor()
                .intercept(new PressureServerInterceptor(
                        pressure, new PressureRules.RetryAfter(Duration.ofSeconds(1), Duration.ofSeconds(60))))
                .addService(ServerServiceDefinition.builder("orders")
                        .addMethod(METHOD, ServerCalls.asyncUnaryCall((request, answer) -> {
                            answer.onNext("taken " + request);
                            answer.onCompleted();
                        }))
                        .build())
                .build()
                .start();
        ManagedChannel channel =
                InProcessChannelBuilder.forName("orders").directExecutor().build();
        try {
            assertThat(ClientCalls.blockingUnaryCall(channel, METHOD, CallOptions.DEFAULT, "1"))
                    .isEqualTo("taken 1");
            over.set(true);
            assertThatThrownBy(() -> ClientCalls.blockingUnaryCall(channel, METHOD, CallOptions.DEFAULT, "2"))
                    .isInstanceOfSatisfying(StatusRuntimeException.class, refused -> {
                        assertThat(refused.getStatus().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
                        assertThat(refused.getTrailers().get(PressureServerInterceptor.RETRY_DELAY))
                                .isEqualTo("3000");
                    });
            over.set(false);
            assertThat(ClientCalls.blockingUnaryCall(channel, METHOD, CallOptions.DEFAULT, "3"))
                    .isEqualTo("taken 3");
        } finally {
            channel.shutdownNow();
            server.shutdownNow();
        }
    }
}
