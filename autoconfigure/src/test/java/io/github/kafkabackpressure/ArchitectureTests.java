package io.github.kafkabackpressure;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.function.Function;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The rules of the architecture. Each is held against the product, and against the small project in {@code offending},
 * which breaks them all: a rule that can no longer fail does not go unnoticed.
 */
class ArchitectureTests {

    /** The layers, from the one that may use all below to those that may use none. */
    private static final List<List<String>> LAYERS = List.of(
            List.of("autoconfigure"),
            List.of("actuate", "metrics", "web"),
            List.of("listener", "producer"),
            List.of("work", "flow", "progress", "buffer", "rate"));

    /** The packages inside of {@code listener}, and which of each other each of them may use. */
    private static final Map<String, List<String>> INSIDE_LISTENER = Map.of(
            "task", List.of(),
            "overload", List.of("task"),
            "consume", List.of("overload", "task"),
            "handle", List.of("overload", "task"));

    /** A class of each cycle that there is still; this list only ever becomes shorter. */
    private static final Set<String> IN_CYCLES_TO_BE_CUT =
            Set.of("BackpressuredListeners"); // the container of a repeatable annotation: stays

    private static final String PRODUCT_ROOT = ArchitectureTests.class.getPackageName();

    private static final String OFFENDING_ROOT = PRODUCT_ROOT + ".offending";

    /** Where the product's classes lie, wherever a build puts them. */
    private static final String MAIN =
            Ordering.class.getProtectionDomain().getCodeSource().getLocation().getPath();

    private static final JavaClasses PRODUCT = new ClassFileImporter()
            .withImportOption(location -> location.contains(MAIN))
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_JARS)
            .importPackages(PRODUCT_ROOT);

    private static final JavaClasses OFFENDING = new ClassFileImporter().importPackages(OFFENDING_ROOT);

    /** From what a rule says to the rule for a project with the given root package. */
    private static final Map<String, Function<String, ArchRule>> RULES = new LinkedHashMap<>();

    static {
        for (int layer = 0; layer < LAYERS.size(); layer++) {
            for (String name : LAYERS.get(layer)) {
                List<String> below = LAYERS.subList(layer + 1, LAYERS.size()).stream()
                        .flatMap(List::stream)
                        .toList();
                RULES.put(name + " uses only itself, the root and " + below, root -> usesOnly(root, name, below));
            }
        }
        INSIDE_LISTENER.forEach((name, below) -> RULES.put(
                "listener." + name + " uses only itself, the root, listener's " + below + " and the plain packages",
                root -> usesOnly(root, "listener." + name, insideListener(below))));
        RULES.put(
                "nothing outside of listener uses what is inside of it",
                root -> noClasses()
                        .that()
                        .resideOutsideOfPackage(root + ".listener..")
                        .should()
                        .dependOnClassesThat()
                        .resideInAnyPackage(INSIDE_LISTENER.keySet().stream()
                                .map(name -> root + ".listener." + name + "..")
                                .toArray(String[]::new)));
        RULES.put(
                "producer.spool uses only itself and the root, and so nothing of producer, which uses it",
                root -> usesOnly(root, "producer.spool", List.of()));
        RULES.put(
                "the root package uses no other",
                root -> classes()
                        .that()
                        .resideInAPackage(root)
                        .should()
                        .onlyDependOnClassesThat(resideInAPackage(root).or(outside(root))));
        RULES.put(
                "no two packages form a cycle",
                root -> slices().matching(root + ".(**)").should().beFreeOfCycles());
        RULES.put(
                "work, flow, progress, buffer and rate are plain Java (but for Bucket4j's buckets)",
                root -> classes()
                        .that()
                        .resideInAnyPackage(pure(root))
                        .and(DescribedPredicate.not(isOrIsIn("(TokenBucketLimiter|Bucket4jSharedRateLimit)")))
                        .should()
                        .onlyDependOnClassesThat(resideInAnyPackage(
                                "java..", "org.jspecify..", "com.google.errorprone.annotations..", root + "..")));
        RULES.put(
                "flow, progress, buffer and rate start no threads",
                root -> noClasses()
                        .that()
                        .resideInAnyPackage(pure(root))
                        .and()
                        .resideOutsideOfPackage(root + ".work..")
                        .should()
                        .callConstructorWhere(DescribedPredicate.describe(
                                "a thread is made",
                                call -> call.getTargetOwner().isAssignableTo(Thread.class)))
                        .orShould()
                        .dependOnClassesThat(DescribedPredicate.describe(
                                "start threads", type -> type.isAssignableTo(Executor.class))));
        RULES.put(
                "no two classes form a cycle",
                root -> classes().should(new ArchCondition<>("form no cycle") {
                    private final List<JavaClass> all = new ArrayList<>();

                    @Override
                    public void check(JavaClass type, ConditionEvents events) {
                        all.add(type);
                    }

                    @Override
                    public void finish(ConditionEvents events) {
                        for (Set<String> cycle : ClassCycles.of(all, root)) {
                            if (Collections.disjoint(cycle, IN_CYCLES_TO_BE_CUT)) {
                                events.add(SimpleConditionEvent.violated(all.get(0), cycle + " use each other"));
                            }
                        }
                    }
                }));
        RULES.put(
                "nothing is printed past the logs",
                root -> noClasses()
                        .that()
                        .doNotHaveSimpleName("DecodeCommitMetadata") // a program for the command line
                        .should()
                        .accessField(System.class, "out")
                        .orShould()
                        .accessField(System.class, "err"));
        // WorkerWaits' sleep is the back-off between two attempts, in steps that end with the partition.
        RULES.put(
                "nobody sleeps who could be woken",
                root -> noClasses()
                        .that()
                        .doNotHaveSimpleName("WorkerWaits")
                        .should()
                        .callMethod(Thread.class, "sleep", long.class));
        RULES.put(
                "every package is null-marked",
                root -> classes().should(new ArchCondition<>("be in a null-marked package") {
                    @Override
                    public void check(JavaClass type, ConditionEvents events) {
                        if (!type.getPackage().isAnnotatedWith(NullMarked.class)) {
                            events.add(
                                    SimpleConditionEvent.violated(type, type.getPackageName() + " is not null-marked"));
                        }
                    }
                }));
    }

    private static ArchRule usesOnly(String root, String name, List<String> below) {
        List<String> allowed = new ArrayList<>(List.of(root, root + "." + name + ".."));
        below.forEach(used -> allowed.add(root + "." + used + ".."));
        return classes()
                .that()
                .resideInAPackage(root + "." + name + "..")
                .should()
                .onlyDependOnClassesThat(
                        resideInAnyPackage(allowed.toArray(String[]::new)).or(outside(root)))
                .allowEmptyShould(true); // not every layer has all of its packages yet
    }

    /** What a package inside of {@code listener} may use: others there, and what {@code listener} itself may. */
    private static List<String> insideListener(List<String> others) {
        List<String> allowed = new ArrayList<>(LAYERS.get(LAYERS.size() - 1));
        others.forEach(other -> allowed.add("listener." + other));
        return allowed;
    }

    private static DescribedPredicate<JavaClass> outside(String root) {
        return DescribedPredicate.not(resideInAPackage(root + ".."));
    }

    /** A class of that name, or one that is nested in it. */
    private static DescribedPredicate<JavaClass> isOrIsIn(String name) {
        return DescribedPredicate.describe(name, type -> type.getName().matches(".*\\." + name + "(\\$.*)?"));
    }

    private static String[] pure(String root) {
        return LAYERS.get(LAYERS.size() - 1).stream()
                .map(name -> root + "." + name + "..")
                .toArray(String[]::new);
    }

    static Iterable<String> rules() {
        return RULES.keySet();
    }

    @ParameterizedTest
    @MethodSource("rules")
    void theProductKeepsTheRule(String rule) {
        RULES.get(rule).apply(PRODUCT_ROOT).check(PRODUCT);
    }

    @ParameterizedTest
    @MethodSource("rules")
    void theRuleCanFail(String rule) {
        assertThat(RULES.get(rule).apply(OFFENDING_ROOT).evaluate(OFFENDING).hasViolation())
                .isTrue();
    }
}
