package io.github.kafkabackpressure.producer.spool;

import java.io.IOException;
import java.math.BigInteger;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.UserPrincipal;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;

/**
 * The files of one template's spool: numbered in the order in which they were written. What is in its directory and was
 * not put there by this application's user alone is left alone.
 *
 * <p>Threading: the sender's thread and that of a shutdown, under a {@link SpoolLock} where they write.
 */
final class SpoolDirectory {

    private static final Log logger = LogFactory.getLog(SpoolDirectory.class);

    private static final String SUFFIX = ".spool";
    private static final String UNFINISHED = SUFFIX + ".unfinished";

    /** Longer numbers than we write, so that none is ever too large to be followed by another. */
    private static final Pattern NAME = Pattern.compile("(\\d{18,40})\\.spool(|\\.unfinished|\\.damaged-\\d+)");

    private static final Comparator<Path> BY_NUMBER =
            Comparator.comparing(SpoolDirectory::number).thenComparing(Path::toString);

    private static final int MOST_WARNINGS = 100;

    private final Path path;

    /** What was warned of. */
    private final Set<Path> distrusted = new HashSet<>();

    private volatile UserPrincipal owner;

    /** @throws IOException if the directory cannot be made, written, or kept from others */
    SpoolDirectory(Path root, String template) throws IOException {
        this.path = TemplateFolder.create(root, template);
        this.owner = OwnerOnly.claim(path);
    }

    Path path() {
        return path;
    }

    Path lockFile() {
        return path.resolve(".lock");
    }

    /** Somebody may have removed or replaced it since. */
    void claimAgain() throws IOException {
        OwnerOnly.createDirectories(path);
        owner = OwnerOnly.claim(path);
    }

    /**
     * Those to be sent, oldest first.
     *
     * @param most how many at the most
     * @param but these not
     */
    List<Path> oldest(int most, Collection<Path> but) throws IOException {
        TreeSet<Path> oldest = new TreeSet<>(BY_NUMBER);
        visit(file -> {
            if (fileName(file).endsWith(SUFFIX) && !but.contains(file) && isOurs(file, true)) {
                oldest.add(file);
                if (oldest.size() > most) {
                    oldest.pollLast();
                }
            }
        });
        return List.copyOf(oldest);
    }

    /** What all files hold, those that were set aside included. */
    long bytes() throws IOException {
        return bytes("");
    }

    /** What the files hold that were set aside. */
    long bytesSetAside() throws IOException {
        return bytes(".damaged-");
    }

    private long bytes(String nameContains) throws IOException {
        LongAdder bytes = new LongAdder();
        visit(file -> {
            if (fileName(file).contains(nameContains) && isOurs(file, false)) {
                bytes.add(Files.size(file));
            }
        });
        return bytes.sum();
    }

    /** The next file, behind all others. */
    Path next() throws IOException {
        AtomicReference<BigInteger> last = new AtomicReference<>(BigInteger.ZERO);
        visit(file -> {
            if (isOurs(file, false)) {
                last.accumulateAndGet(number(file), BigInteger::max);
            }
        });
        Path next;
        do {
            String number = String.valueOf(last.accumulateAndGet(BigInteger.ONE, BigInteger::add));
            next = path.resolve("0".repeat(Math.max(0, 18 - number.length())) + number + SUFFIX);
        } while (Files.exists(next, LinkOption.NOFOLLOW_LINKS));
        return next;
    }

    /** Where a file is written until it is complete. */
    Path unfinished(Path file) {
        return file.resolveSibling(fileName(file).replace(SUFFIX, UNFINISHED));
    }

    FileChannel create(Path file) throws IOException {
        return OwnerOnly.create(file);
    }

    /** Removes what a shutdown that was cut off has left. Nobody was told that it was kept. */
    void removeUnfinished() throws IOException {
        visit(file -> {
            if (fileName(file).endsWith(UNFINISHED) && isOurs(file, false)) {
                Files.deleteIfExists(file);
            }
        });
    }

    /** Keeps a file, but not to be sent again; says under which name. */
    Path setAside(Path file) throws IOException {
        Path aside = file.resolveSibling(fileName(file) + ".damaged-" + System.currentTimeMillis());
        Files.move(file, aside);
        return aside;
    }

    /** One after the other: there may be more than memory has room for. */
    private void visit(Visitor visitor) throws IOException {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(path)) {
            for (Path file : files) {
                if (NAME.matcher(fileName(file)).matches()) {
                    visitor.visit(file);
                } else if (fileName(file).endsWith(SUFFIX)) {
                    warn(file, "its name is none of ours");
                }
            }
        } catch (DirectoryIteratorException e) {
            throw e.getCause();
        }
    }

    private boolean isOurs(Path file, boolean warn) throws IOException {
        String distrust;
        try {
            distrust = OwnerOnly.distrust(file, owner);
        } catch (NoSuchFileException gone) {
            return false;
        }
        if (distrust != null && warn) {
            warn(file, distrust);
        }
        return distrust == null;
    }

    private synchronized void warn(Path file, String reason) {
        if (distrusted.size() < MOST_WARNINGS && distrusted.add(file)) {
            logger.warn("'" + LogText.of(fileName(file)) + "' in " + path + " is left alone: " + reason);
        }
    }

    private static BigInteger number(Path file) {
        Matcher name = NAME.matcher(fileName(file));
        return name.matches() ? new BigInteger(name.group(1)) : BigInteger.ZERO;
    }

    private static String fileName(Path file) {
        return String.valueOf(file.getFileName());
    }

    private interface Visitor {

        void visit(Path file) throws IOException;
    }
}
