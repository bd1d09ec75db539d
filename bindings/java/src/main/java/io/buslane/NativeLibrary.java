package io.buslane;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * Finds and loads the native library: where a system property says, on {@code java.library.path}, or the copy in the
 * jar, extracted into a private directory. Says everything that it tried when none of them can be loaded.
 */
final class NativeLibrary {
  /** The system property that names the file of the library. */
  static final String PROPERTY = "buslane.library";

  private static final String NAME = "buslane_java";

  private NativeLibrary() {}

  /** Loads the library once for this class loader. */
  static void load() {
    refuseRelocation(NativeLibrary.class.getPackageName());
    List<String> tried = new ArrayList<>();
    if (!loadNamed(System.getProperty(PROPERTY), tried) && !loadFromPath(tried) && !loadFromJar(tried)) {
      throw new UnsatisfiedLinkError(
          "the native library of Buslane cannot be loaded on "
              + platform()
              + "; tried: "
              + String.join("; ", tried)
              + ". Name the file in the system property "
              + PROPERTY);
    }
    int found = NativeBridge.layout();
    if (found != NativeBridge.LAYOUT) {
      throw new UnsatisfiedLinkError(
          "the native library of Buslane is of another version: it speaks layout "
              + found
              + ", the jar "
              + NativeBridge.LAYOUT
              + "; loaded from: "
              + tried.get(tried.size() - 1));
    }
  }

  /** Says what is wrong where a build has moved the classes to another package: the functions are not found there. */
  static void refuseRelocation(String packageName) {
    // In parts, since tools that move packages rewrite whole names in constants as well.
    String expected = String.join(".", "io", "buslane");
    if (!packageName.equals(expected)) {
      throw new UnsatisfiedLinkError(
          "the package "
              + expected
              + " was moved to "
              + packageName
              + ", where its native functions are not found: exclude it from relocation");
    }
  }

  /** Returns the system and the architecture, under the names of the folders in the jar. */
  static String platform() {
    return platform(System.getProperty("os.name"), System.getProperty("os.arch"), isMusl());
  }

  static String platform(String system, String architecture, boolean musl) {
    String name = system.toLowerCase(Locale.ROOT);
    String kind =
        name.startsWith("windows")
            ? "windows"
            : name.startsWith("mac") || name.startsWith("darwin")
                ? "macos"
                : name.startsWith("linux") ? (musl ? "linux-musl" : "linux") : name.replaceAll("[^a-z0-9]", "");
    return kind
        + "-"
        + switch (architecture.toLowerCase(Locale.ROOT)) {
          case "amd64", "x86_64", "x64", "x86-64" -> "x86_64";
          case "aarch64", "arm64" -> "aarch64";
          default -> architecture.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9_]", "");
        };
  }

  private static boolean isMusl() {
    try (var libraries = Files.newDirectoryStream(Path.of("/lib"), "ld-musl-*")) {
      // Debian has a package of musl beside its own library: what the JVM itself was linked with decides.
      return libraries.iterator().hasNext() && !Files.exists(Path.of("/etc/debian_version"));
    } catch (IOException | RuntimeException absent) {
      return false;
    }
  }

  private static boolean loadNamed(String file, List<String> tried) {
    if (file == null) {
      return false;
    }
    // Whoever names a file wants that one and no other.
    tried.add("the system property " + PROPERTY + " (" + file + ")");
    try {
      System.load(Path.of(file).toAbsolutePath().toString());
      return true;
    } catch (UnsatisfiedLinkError error) {
      throw new UnsatisfiedLinkError(
          "the system property " + PROPERTY + " names " + file + ", which cannot be loaded: " + error.getMessage());
    }
  }

  private static boolean loadFromPath(List<String> tried) {
    tried.add("java.library.path (" + System.getProperty("java.library.path") + ")");
    try {
      System.loadLibrary(NAME);
      return true;
    } catch (UnsatisfiedLinkError error) {
      return false;
    }
  }

  private static boolean loadFromJar(List<String> tried) {
    String file = System.mapLibraryName(NAME);
    String resource = "/buslane-natives/" + platform() + "/" + file;
    tried.add("the resource " + resource + " of the jar");
    try (InputStream library = NativeLibrary.class.getResourceAsStream(resource)) {
      if (library == null) {
        return false;
      }
      System.load(extract(library.readAllBytes(), file).toString());
      return true;
    } catch (IOException | UnsatisfiedLinkError error) {
      tried.add("which failed: " + error);
      return false;
    }
  }

  /** Writes the library where nobody else may write, and makes sure that it is what the jar holds. */
  private static Path extract(byte[] library, String name) throws IOException {
    Path folder = privateFolder();
    Path file = folder.resolve(name);
    // In the reverse order of these calls, when the JVM ends.
    folder.toFile().deleteOnExit();
    file.toFile().deleteOnExit();
    Files.write(file, library);
    if (!Arrays.equals(Files.readAllBytes(file), library)) {
      throw new IOException(file + " is not what was written to it");
    }
    return file;
  }

  private static Path privateFolder() throws IOException {
    Path parent = Path.of(System.getProperty("java.io.tmpdir"));
    if (parent.getFileSystem().supportedFileAttributeViews().contains("posix")) {
      var owner = PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));
      return Files.createTempDirectory(parent, "buslane-", owner);
    }
    return Files.createTempDirectory(parent, "buslane-");
  }
}
