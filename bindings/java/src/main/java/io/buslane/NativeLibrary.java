package io.buslane;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * Finds and loads the native library: where a system property says, on {@code java.library.path}, or the copy in the
 * jar, extracted into a private directory. Says everything that it tried when none of them can be loaded.
 */
final class NativeLibrary {
  /** The system property that names the file of the library. */
  static final String PROPERTY = "buslane.library";

  private static final String NAME = "buslane_java";

  /** The platforms of which a jar may hold a library. */
  private static final List<String> PLATFORMS =
      List.of(
          "linux-x86_64",
          "linux-aarch64",
          "linux-musl-x86_64",
          "linux-musl-aarch64",
          "macos-x86_64",
          "macos-aarch64",
          "windows-x86_64",
          "windows-aarch64");

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
    try (Stream<String> mapped = Files.lines(Path.of("/proc/self/maps"), StandardCharsets.ISO_8859_1)) {
      return isMusl(mapped);
    } catch (IOException | UncheckedIOException absent) {
      // No Linux, or one that does not say; most have the GNU library.
      return false;
    }
  }

  /** Tells by what is mapped into the process: a system may have musl beside the library that the JVM runs with. */
  static boolean isMusl(Stream<String> mapped) {
    return mapped.anyMatch(line -> line.contains("/ld-musl-") || line.contains("/libc.musl-"));
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
    } catch (UnsatisfiedLinkError | InvalidPathException error) {
      throw new UnsatisfiedLinkError(
          "the system property " + PROPERTY + " names " + file + ", which cannot be loaded: " + error.getMessage());
    }
  }

  private static boolean loadFromPath(List<String> tried) {
    String path = System.getProperty("java.library.path");
    try {
      System.loadLibrary(NAME);
      tried.add("java.library.path (" + path + ")");
      return true;
    } catch (UnsatisfiedLinkError error) {
      // Says where it looked if it found nothing, and why it did not load what it found.
      tried.add("java.library.path: " + error.getMessage());
      return false;
    }
  }

  private static boolean loadFromJar(List<String> tried) {
    String resource = resource(platform());
    try (InputStream library = NativeLibrary.class.getResourceAsStream(resource)) {
      if (library == null) {
        tried.add("the resource " + resource + ", which is not in the jar: " + platformsInJar());
        return false;
      }
      loadCopy(library.readAllBytes(), System.mapLibraryName(NAME));
      tried.add("the resource " + resource + " of the jar");
      return true;
    } catch (IOException | UnsatisfiedLinkError error) {
      tried.add("the resource " + resource + " of the jar, extracted: " + error.getMessage());
      return false;
    }
  }

  private static String platformsInJar() {
    List<String> there =
        PLATFORMS.stream().filter(platform -> NativeLibrary.class.getResource(resource(platform)) != null).toList();
    return there.isEmpty() ? "there is none for any platform" : "there is one for " + String.join(" and ", there);
  }

  private static String resource(String platform) {
    String file =
        platform.startsWith("windows")
            ? NAME + ".dll"
            : "lib" + NAME + (platform.startsWith("macos") ? ".dylib" : ".so");
    return "/buslane-natives/" + platform + "/" + file;
  }

  /**
   * Loads a library from a file of its own: a JVM loads one file for one class loader only. The file goes as soon as it
   * is loaded, where the system lets it, else with the JVM.
   */
  private static void loadCopy(byte[] library, String name) throws IOException {
    Path folder = privateFolder();
    Path file = folder.resolve(name);
    try {
      write(file, library);
      System.load(file.toString());
    } finally {
      remove(folder, file);
    }
  }

  private static void remove(Path folder, Path file) {
    try {
      Files.deleteIfExists(file);
      Files.delete(folder);
    } catch (IOException inUse) {
      // In the reverse order of these calls, when the JVM ends.
      folder.toFile().deleteOnExit();
      file.toFile().deleteOnExit();
    }
  }

  /** Writes the library where nobody else may write, and makes sure that it is what the jar holds. */
  private static void write(Path file, byte[] library) throws IOException {
    Files.write(file, library, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    if (!Arrays.equals(Files.readAllBytes(file), library)) {
      throw new IOException(file + " is not what was written to it");
    }
  }

  static Path privateFolder() throws IOException {
    Path parent = Path.of(System.getProperty("java.io.tmpdir"));
    if (parent.getFileSystem().supportedFileAttributeViews().contains("posix")) {
      var owner = PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));
      return Files.createTempDirectory(parent, "buslane-", owner);
    }
    return Files.createTempDirectory(parent, "buslane-");
  }
}
