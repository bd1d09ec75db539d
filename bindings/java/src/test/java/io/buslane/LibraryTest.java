package io.buslane;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** How the native library is found and loaded. */
class LibraryTest {
  @TempDir private Path temporary;

  @Test
  void systemsAndArchitecturesHaveOneNameEach() {
    assertEquals("linux-x86_64", NativeLibrary.platform("Linux", "amd64", false));
    assertEquals("linux-musl-x86_64", NativeLibrary.platform("Linux", "x86_64", true));
    assertEquals("linux-aarch64", NativeLibrary.platform("Linux", "arm64", false));
    assertEquals("macos-aarch64", NativeLibrary.platform("Mac OS X", "aarch64", false));
    assertEquals("windows-x86_64", NativeLibrary.platform("Windows 11", "amd64", false));
  }

  @Test
  void muslIsToldByWhatIsMappedIntoTheProcess() {
    String glibc = "7f1c8a000000-7f1c8a022000 r--p 00000000 08:01 1234 /usr/lib/x86_64-linux-gnu/libc.so.6";
    String musl = "7f1c8a000000-7f1c8a014000 r--p 00000000 08:01 1234 /lib/ld-musl-x86_64.so.1";
    assertFalse(NativeLibrary.isMusl(Stream.of(glibc, "7ffd3b000000-7ffd3b021000 rw-p 00000000 00:00 0 [stack]")));
    assertTrue(NativeLibrary.isMusl(Stream.of(musl)));
  }

  @Test
  void theFolderOfTheCopyIsForItsOwnerAlone() throws Exception {
    Path folder = NativeLibrary.privateFolder();
    assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(folder)));
    Files.delete(folder);
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void nothingIsLeftOfTheCopyOnceItIsLoaded() throws Exception {
    Jvm.Ended loaded = new Jvm("-Djava.io.tmpdir=" + temporary).run(Loading.class, temporary.toString());
    assertEquals("loaded, beside []", loaded.said().strip());
    assertEquals(List.of(), listed(temporary));
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void aPropertyNamesTheOneFileThatIsLoaded() throws Exception {
    Jvm.Ended loaded = unableToExtract("-Dbuslane.library=" + Jvm.library()).run(Loading.class);
    assertEquals("loaded", loaded.said().strip());

    Path absent = temporary.resolve("absent.so");
    String said = new Jvm("-Dbuslane.library=" + absent).run(Loading.class).said();
    assertTrue(said.contains("the system property buslane.library names " + absent), said);
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void theLibraryPathComesBeforeTheJar() throws Exception {
    Jvm.Ended loaded = unableToExtract("-Djava.library.path=" + Jvm.library().getParent()).run(Loading.class);
    assertEquals("loaded", loaded.said().strip());
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void anErrorListsWhatWasTriedAndWhatThereIs() throws Exception {
    String said = new Jvm("-Dos.arch=sparc", "-Djava.library.path=" + temporary).run(Loading.class).said();
    assertTrue(said.contains("cannot be loaded on linux-sparc; tried: java.library.path: "), said);
    assertTrue(said.contains(temporary.toString()), said);
    assertTrue(said.contains("the resource /buslane-natives/linux-sparc/libbuslane_java.so"), said);
    assertTrue(said.contains("there is one for " + NativeLibrary.platform()), said);
    assertTrue(said.contains("Name the file in the system property buslane.library"), said);
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void anErrorSaysWhyWhatWasFoundIsNotLoaded() throws Exception {
    Path broken = temporary.resolve(System.mapLibraryName("buslane_java"));
    Files.writeString(broken, "no library");
    String said = unableToExtract("-Djava.library.path=" + temporary).run(Loading.class).said();
    assertTrue(said.contains("java.library.path: " + broken), said);
    assertTrue(said.contains("of the jar, extracted: "), said);
    assertTrue(said.contains("/proc/buslane-"), said);
  }

  /** Loads the library, and says what there is in a folder meanwhile. */
  static final class Loading {
    public static void main(String[] arguments) throws Exception {
      try (Buslane bus = Buslane.builder().url("buslane://127.0.0.1:1").lazy().connect()) {
        System.out.println(arguments.length == 0 ? "loaded" : "loaded, beside " + listed(Path.of(arguments[0])));
      } catch (UnsatisfiedLinkError error) {
        System.out.println(error.getMessage());
      }
    }
  }

  /** The files of a folder but for those that JVMs keep. */
  private static List<Path> listed(Path folder) throws IOException {
    try (var files = Files.list(folder)) {
      return files.filter(file -> !file.getFileName().toString().startsWith("hsperfdata")).toList();
    }
  }

  /** A JVM with a folder for temporary files in which nobody can make one, the administrator neither. */
  private static Jvm unableToExtract(String option) {
    return new Jvm(option, "-Djava.io.tmpdir=/proc");
  }

  @Test
  void aPackageThatWasMovedIsTold() {
    Error error = assertThrows(UnsatisfiedLinkError.class, () -> NativeLibrary.refuseRelocation("shaded.io.buslane"));
    assertTrue(error.getMessage().contains("relocation"), error.getMessage());
  }

  @Test
  void twoClassLoadersHaveAClientEach() throws Exception {
    URL[] classes = {Path.of(System.getProperty("buslane.test.classes")).toUri().toURL()};
    try (TestBroker broker = new TestBroker();
        URLClassLoader first = new URLClassLoader(classes, ClassLoader.getPlatformClassLoader());
        URLClassLoader second = new URLClassLoader(classes, ClassLoader.getPlatformClassLoader())) {
      Class<?> one = first.loadClass("io.buslane.Buslane");
      Class<?> other = second.loadClass("io.buslane.Buslane");
      assertNotSame(one, other);
      for (Class<?> client : new Class<?>[] {one, other}) {
        AutoCloseable bus =
            (AutoCloseable) client.getMethod("connect", String.class).invoke(null, broker.url());
        assertEquals(true, client.getMethod("isConnected").invoke(bus));
        bus.close();
      }
    }
  }

  @Test
  void withoutJacksonTextIsSentAndValuesAreRefused() throws Exception {
    URL[] classes = {Path.of(System.getProperty("buslane.test.classes")).toUri().toURL()};
    try (URLClassLoader bare = new URLClassLoader(classes, ClassLoader.getPlatformClassLoader())) {
      Object codec = bare.loadClass("io.buslane.Codec").getMethod("standard").invoke(null);
      var body = bare.loadClass("io.buslane.Body").getMethod("of", Object.class, bare.loadClass("io.buslane.Codec"));
      body.invoke(null, "1", codec);
      var refused =
          assertThrows(InvocationTargetException.class, () -> body.invoke(null, 1, codec));
      assertTrue(refused.getCause().getMessage().contains("jackson-databind"), refused.getCause().getMessage());
    }
  }
}
