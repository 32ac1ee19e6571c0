package io.github.kafkabackpressure.producer.spool;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.nio.file.attribute.UserPrincipal;
import java.util.Set;
import java.util.function.Consumer;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.jspecify.annotations.Nullable;

/**
 * Makes and opens files that are nobody's but the owner's, never through a link. On file systems without POSIX
 * permissions, as on Windows, what is made has those of the directory that it is in.
 *
 * <p>Threading: any thread.
 */
final class OwnerOnly {

    private static final Log logger = LogFactory.getLog(OwnerOnly.class);

    private static final Set<PosixFilePermission> DIRECTORY = PosixFilePermissions.fromString("rwx------");
    private static final Set<PosixFilePermission> FILE = PosixFilePermissions.fromString("rw-------");

    private OwnerOnly() {}

    /** Makes what is missing of the path. Each new directory's own entry is on the disk when this returns. */
    static void createDirectories(Path directory) throws IOException {
        createDirectories(directory, OwnerOnly::force);
    }

    /** @param force puts the names in a directory on the disk */
    static void createDirectories(Path directory, Consumer<Path> force) throws IOException {
        if (Files.isDirectory(directory)) {
            return;
        }
        Path parent = directory.getParent();
        if (parent != null) {
            createDirectories(parent, force);
        }
        try {
            Files.createDirectory(directory, with(directory, DIRECTORY));
        } catch (FileAlreadyExistsException e) {
            if (!Files.isDirectory(directory)) {
                throw e;
            }
        }
        if (parent != null) {
            force.accept(parent);
        }
    }

    /**
     * Takes a directory from everybody else.
     *
     * @return whom it belongs to
     * @throws IOException if it is none, is somebody else's, or cannot be written
     */
    static UserPrincipal claim(Path directory) throws IOException {
        if (!Files.readAttributes(directory, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
                .isDirectory()) {
            throw new IOException(directory + " is no directory; a link to one is not followed");
        }
        Path probe = Files.createTempFile(directory, ".probe-", null);
        try {
            UserPrincipal owner = Files.getOwner(probe, LinkOption.NOFOLLOW_LINKS);
            if (hasPosix(directory)) {
                UserPrincipal found = Files.getOwner(directory, LinkOption.NOFOLLOW_LINKS);
                if (!found.equals(owner)) {
                    throw new IOException(directory + " belongs to " + found.getName());
                }
                if (!Files.getPosixFilePermissions(directory, LinkOption.NOFOLLOW_LINKS)
                        .equals(DIRECTORY)) {
                    Files.setPosixFilePermissions(directory, DIRECTORY);
                }
            }
            return owner;
        } finally {
            Files.deleteIfExists(probe);
        }
    }

    /** Why a file is not to be trusted; null if it is a regular file that only the owner can have written. */
    static @Nullable String distrust(Path file, UserPrincipal owner) throws IOException {
        if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
            return "it is no regular file";
        }
        if (!hasPosix(file)) {
            return null;
        }
        UserPrincipal found = Files.getOwner(file, LinkOption.NOFOLLOW_LINKS);
        if (!found.equals(owner)) {
            return "it belongs to " + found.getName();
        }
        Set<PosixFilePermission> permissions = Files.getPosixFilePermissions(file, LinkOption.NOFOLLOW_LINKS);
        if (permissions.contains(PosixFilePermission.GROUP_WRITE)
                || permissions.contains(PosixFilePermission.OTHERS_WRITE)) {
            return "others may write it";
        }
        if (file.getFileSystem().supportedFileAttributeViews().contains("unix")
                && ((Number) Files.getAttribute(file, "unix:nlink", LinkOption.NOFOLLOW_LINKS)).intValue() != 1) {
            return "it has another name elsewhere";
        }
        return null;
    }

    /** @throws FileAlreadyExistsException if there is something of that name, a link that leads nowhere included */
    static FileChannel create(Path file) throws IOException {
        return open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS);
    }

    /** Opens what {@link #distrust} has found nothing against. */
    static FileChannel open(Path file, OpenOption... options) throws IOException {
        return FileChannel.open(file, Set.of(options), with(file, FILE));
    }

    /**
     * Puts the names in a directory on the disk, where that is possible: Windows opens no directory. The names are in
     * their place in either case.
     */
    static void force(Path directory) {
        try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
            channel.force(true);
        } catch (IOException e) {
            logger.debug("The directory " + directory + " cannot be forced to the disk", e);
        }
    }

    private static FileAttribute<?>[] with(Path path, Set<PosixFilePermission> permissions) {
        return hasPosix(path)
                ? new FileAttribute<?>[] {PosixFilePermissions.asFileAttribute(permissions)}
                : new FileAttribute<?>[0];
    }

    private static boolean hasPosix(Path path) {
        return path.getFileSystem().supportedFileAttributeViews().contains("posix");
    }
}
