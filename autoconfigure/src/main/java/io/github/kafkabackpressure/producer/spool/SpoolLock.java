package io.github.kafkabackpressure.producer.spool;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/**
 * Keeps other applications out of a spool directory: two on one would send the same files twice and delete each
 * other's. It does not keep the threads of one spool apart, so that a replay that hangs does not stand in the way of a
 * shutdown.
 *
 * <p>Threading: any thread; each that took it releases it once.
 */
final class SpoolLock {

    private final Path file;

    @GuardedBy("this") private int holders;

    @GuardedBy("this") private @Nullable FileChannel channel;

    SpoolLock(Path file) {
        this.file = file;
    }

    /** @throws IOException if another application has it */
    synchronized void acquire() throws IOException {
        if (holders == 0) {
            channel = lock();
        }
        holders++;
    }

    synchronized void release() throws IOException {
        holders--;
        FileChannel held = channel;
        if (holders == 0 && held != null) {
            channel = null;
            held.close();
        }
    }

    private FileChannel lock() throws IOException {
        if (Files.exists(file, LinkOption.NOFOLLOW_LINKS) && !Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
            throw new IOException(file + " is no regular file");
        }
        FileChannel opened =
                OwnerOnly.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS);
        FileLock lock = null;
        try {
            lock = opened.tryLock();
        } catch (OverlappingFileLockException sameJvm) {
            throw new IOException("another application context of this JVM uses it: " + file + " is locked", sameJvm);
        } finally {
            if (lock == null) {
                opened.close();
            }
        }
        if (lock == null) {
            throw new IOException("another application uses it: " + file + " is locked");
        }
        return opened;
    }
}
