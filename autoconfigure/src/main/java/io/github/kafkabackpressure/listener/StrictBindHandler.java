package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.InvalidBackpressurePropertyException;
import java.time.Duration;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.bind.AbstractBindHandler;
import org.springframework.boot.context.properties.bind.BindContext;
import org.springframework.boot.context.properties.bind.BindException;
import org.springframework.boot.context.properties.bind.BindHandler;
import org.springframework.boot.context.properties.bind.Bindable;
import org.springframework.boot.context.properties.source.ConfigurationProperty;
import org.springframework.boot.context.properties.source.ConfigurationPropertyName;

/**
 * Refuses what Boot's binder would take or explain less well: a value that cannot be read, with what would be legal, and
 * a duration without a unit that is shorter than a second, which was surely meant as seconds.
 *
 * <p>Threading: that of the binder.
 */
public final class StrictBindHandler extends AbstractBindHandler {

    private static final Pattern NUMBER = Pattern.compile("\\d+");

    private static final Duration LEAST_WITHOUT_UNIT = Duration.ofSeconds(1);

    private final Predicate<ConfigurationPropertyName> concerned;

    private final Function<ConfigurationPropertyName, String> naming;

    private final UnaryOperator<String> placeholders;

    /**
     * Makes a handler.
     *
     * @param parent is asked too
     * @param concerned which properties it is for
     * @param naming how a message names a property
     * @param placeholders resolves those of a value
     */
    public StrictBindHandler(
            BindHandler parent,
            Predicate<ConfigurationPropertyName> concerned,
            Function<ConfigurationPropertyName, String> naming,
            UnaryOperator<String> placeholders) {
        super(parent);
        this.concerned = concerned;
        this.naming = naming;
        this.placeholders = placeholders;
    }

    @Override
    public @Nullable Object onSuccess(
            ConfigurationPropertyName name, Bindable<?> target, BindContext context, Object result) {
        ConfigurationProperty property = context.getConfigurationProperty();
        if (result instanceof Duration duration && property != null && !duration.isZero() && concerned.test(name)) {
            String text =
                    placeholders.apply(String.valueOf(property.getValue())).trim();
            if (NUMBER.matcher(text).matches() && duration.compareTo(LEAST_WITHOUT_UNIT) < 0) {
                throw new InvalidBackpressurePropertyException(
                        naming.apply(name),
                        text,
                        "a duration with its unit, " + text + "s, or " + text + "ms if less than a second is meant");
            }
        }
        return super.onSuccess(name, target, context, result);
    }

    @Override
    public @Nullable Object onFailure(
            ConfigurationPropertyName name, Bindable<?> target, BindContext context, Exception error) throws Exception {
        ConfigurationProperty property = context.getConfigurationProperty();
        Class<?> type = target.getType().resolve();
        if (concerned.test(name)
                && type != null
                && property != null
                && property.getName().equals(name)
                && !(error instanceof BindException)
                && !(error instanceof InvalidBackpressurePropertyException)) {
            throw InvalidBackpressurePropertyException.ofType(naming.apply(name), property.getValue(), type, error);
        }
        return super.onFailure(name, target, context, error);
    }
}
