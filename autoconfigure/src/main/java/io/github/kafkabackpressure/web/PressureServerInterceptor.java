package io.github.kafkabackpressure.web;

import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;

/**
 * Answers gRPC calls with {@code RESOURCE_EXHAUSTED} while something is under pressure. When to try again stands in the trailer
 * {@code grpc-retry-pushback-ms}, which gRPC's own retry policies obey (gRFC A6).
 *
 * <p>Threading: any thread.
 */
public final class PressureServerInterceptor implements ServerInterceptor {

    /** The trailer that holds how many milliseconds to wait. */
    static final Metadata.Key<String> RETRY_DELAY =
            Metadata.Key.of("grpc-retry-pushback-ms", Metadata.ASCII_STRING_MARSHALLER);

    private final Pressure pressure;

    private final PressureRules.RetryAfter retryAfter;

    /** @param retryAfter bounds for the delay */
    public PressureServerInterceptor(Pressure pressure, PressureRules.RetryAfter retryAfter) {
        this.pressure = pressure;
        this.retryAfter = retryAfter;
    }

    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(
            ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
        if (!pressure.isOver()) {
            return next.startCall(call, headers);
        }
        Metadata trailers = new Metadata();
        trailers.put(RETRY_DELAY, Long.toString(retryAfter.seconds(pressure.timeToDrain()) * 1000));
        call.close(
                Status.RESOURCE_EXHAUSTED.withDescription("there is more to do than can be done at the moment"),
                trailers);
        return new ServerCall.Listener<>() {};
    }
}
