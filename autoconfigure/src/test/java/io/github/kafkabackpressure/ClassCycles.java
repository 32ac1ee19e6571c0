package io.github.kafkabackpressure;

import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * The cycles that top-level classes form by using each other, in whatever package, taken from the byte code: classes of one
 * package need no imports. A class and what is nested in it count as one.
 */
final class ClassCycles {

    private final Map<String, Set<String>> uses = new TreeMap<>();

    private final Map<String, Integer> index = new HashMap<>();

    private final Map<String, Integer> low = new HashMap<>();

    private final Deque<String> path = new ArrayDeque<>();

    private final List<Set<String>> cycles = new ArrayList<>();

    private ClassCycles(Iterable<JavaClass> classes, String root) {
        for (JavaClass type : classes) {
            Set<String> used = uses.computeIfAbsent(topLevel(type), unknown -> new TreeSet<>());
            for (Dependency dependency : type.getDirectDependenciesFromSelf()) {
                JavaClass target = dependency.getTargetClass().getBaseComponentType();
                if (target.getPackageName().startsWith(root)) {
                    used.add(topLevel(target));
                }
            }
        }
    }

    /** The cycles among the classes below a package, each as the names of all classes that are in it. */
    static List<Set<String>> of(Iterable<JavaClass> classes, String root) {
        ClassCycles graph = new ClassCycles(classes, root);
        for (String type : graph.uses.keySet()) {
            if (!graph.index.containsKey(type)) {
                graph.visit(type);
            }
        }
        return graph.cycles;
    }

    private static String topLevel(JavaClass type) {
        String name = type.getName();
        int nested = name.indexOf('$');
        return nested < 0 ? name : name.substring(0, nested);
    }

    /** Tarjan's strongly connected components. */
    private void visit(String type) {
        index.put(type, index.size());
        low.put(type, index.get(type));
        path.push(type);
        for (String used : uses.getOrDefault(type, Set.of())) {
            if (!index.containsKey(used)) {
                visit(used);
                low.merge(type, low.get(used), Math::min);
            } else if (path.contains(used)) {
                low.merge(type, index.get(used), Math::min);
            }
        }
        if (low.get(type).equals(index.get(type))) {
            Set<String> component = new TreeSet<>();
            String member;
            do {
                member = path.pop();
                component.add(member.substring(member.lastIndexOf('.') + 1));
            } while (!member.equals(type));
            if (component.size() > 1) {
                cycles.add(component);
            }
        }
    }
}
