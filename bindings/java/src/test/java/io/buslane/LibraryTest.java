package io.buslane;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** How the native library is found and loaded. */
class LibraryTest {
  @Test
  void systemsAndArchitecturesHaveOneNameEach() {
    assertEquals("linux-x86_64", NativeLibrary.platform("Linux", "amd64", false));
    assertEquals("linux-musl-x86_64", NativeLibrary.platform("Linux", "x86_64", true));
    assertEquals("linux-aarch64", NativeLibrary.platform("Linux", "arm64", false));
    assertEquals("macos-aarch64", NativeLibrary.platform("Mac OS X", "aarch64", false));
    assertEquals("windows-x86_64", NativeLibrary.platform("Windows 11", "amd64", false));
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
          assertThrows(
              java.lang.reflect.InvocationTargetException.class, () -> body.invoke(null, 1, codec));
      assertTrue(refused.getCause().getMessage().contains("jackson-databind"), refused.getCause().getMessage());
    }
  }
}
