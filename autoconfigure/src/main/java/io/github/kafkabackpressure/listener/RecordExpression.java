package io.github.kafkabackpressure.listener;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;
import org.springframework.core.log.LogAccessor;
import org.springframework.expression.EvaluationContext;
import org.springframework.expression.Expression;
import org.springframework.expression.ParseException;
import org.springframework.expression.spel.SpelCompilerMode;
import org.springframework.expression.spel.SpelParserConfiguration;
import org.springframework.expression.spel.standard.SpelExpressionParser;
import org.springframework.expression.spel.support.StandardEvaluationContext;

/**
 * A number that a SpEL expression makes of a record, whose root object is the {@link ConsumerRecord}. An expression that
 * fails, or gives no number, says nothing; that is logged once a minute.
 *
 * <p>Threading: any thread.
 */
final class RecordExpression {

    private static final long QUIET_NANOS = TimeUnit.MINUTES.toNanos(1);

    private final String key;

    private final Expression expression;

    private final EvaluationContext context = new StandardEvaluationContext();

    private final LogAccessor log;

    private final AtomicLong loggedAt = new AtomicLong(System.nanoTime() - QUIET_NANOS);

    RecordExpression(String key, String text, LogAccessor log) {
        this.key = key;
        this.log = log;
        this.expression = new SpelExpressionParser(
                        new SpelParserConfiguration(SpelCompilerMode.MIXED, RecordExpression.class.getClassLoader()))
                .parseExpression(text);
    }

    /** Whether a text is an expression. */
    static boolean isExpression(String text) {
        try {
            new SpelExpressionParser().parseExpression(text);
            return true;
        } catch (ParseException | IllegalStateException e) {
            return false;
        }
    }

    /** The number; null if it says none. */
    @Nullable Long evaluate(ConsumerRecord<?, ?> record) {
        try {
            Number number = expression.getValue(context, record, Number.class);
            return number == null ? null : number.longValue();
        } catch (RuntimeException e) {
            long before = loggedAt.get();
            long now = System.nanoTime();
            if (now - before >= QUIET_NANOS && loggedAt.compareAndSet(before, now)) {
                log.warn(
                        e,
                        () -> "The expression \"" + expression.getExpressionString() + "\" of " + key
                                + " gives no number for the record " + record.topic() + "-" + record.partition() + "@"
                                + record.offset() + "; it counts as not set");
            }
            return null;
        }
    }
}
