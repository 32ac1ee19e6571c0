package io.github.kafkabackpressure.producer.spool;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.regex.Pattern;

/**
 * The directory of a template's own: templates may send to different clusters, and none can wait for another's turn. No
 * two templates share one, whatever their names and the file system are.
 *
 * <p>Threading: any thread.
 */
final class TemplateFolder {

    private static final int LONGEST = 200;
    private static final Pattern RESERVED = Pattern.compile("|con|prn|aux|nul|com\\d|lpt\\d", Pattern.CASE_INSENSITIVE);

    private TemplateFolder() {}

    /** Makes the directory, if there is none. */
    static Path create(Path root, String template) throws IOException {
        Path folder = root.toAbsolutePath().resolve(name(template));
        OwnerOnly.createDirectories(folder);
        Path found = folder.toRealPath(java.nio.file.LinkOption.NOFOLLOW_LINKS);
        if (!String.valueOf(found.getFileName()).equals(String.valueOf(folder.getFileName()))) {
            // A file system that does not tell upper case from lower case has given us another template's.
            folder = root.toAbsolutePath().resolve(digest(template));
            OwnerOnly.createDirectories(folder);
        }
        return folder;
    }

    /** The template's name, if it is one for any file system; else it is escaped, with a character that it has not. */
    static String name(String template) {
        StringBuilder name = new StringBuilder();
        for (byte letter : template.getBytes(StandardCharsets.UTF_8)) {
            if (letter == '-' || letter == '_' || (letter > 0 && Character.isLetterOrDigit(letter))) {
                name.append((char) letter);
            } else {
                name.append('%').append(HexFormat.of().toHexDigits(letter));
            }
        }
        return name.length() > LONGEST || RESERVED.matcher(name).matches() ? digest(template) : name.toString();
    }

    private static String digest(String template) {
        try {
            return "%"
                    + HexFormat.of()
                            .formatHex(MessageDigest.getInstance("SHA-256")
                                    .digest(template.getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("Every JVM has SHA-256", e);
        }
    }
}
