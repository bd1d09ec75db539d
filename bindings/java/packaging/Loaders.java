import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;

/** Has two class loaders use one jar at the same time: {@code Loaders.java JAR URL}. */
final class Loaders {
  public static void main(String[] arguments) throws Exception {
    URL[] jar = {Path.of(arguments[0]).toUri().toURL()};
    ClassLoader platform = ClassLoader.getPlatformClassLoader();
    try (URLClassLoader first = new URLClassLoader(jar, platform);
        URLClassLoader second = new URLClassLoader(jar, platform);
        AutoCloseable one = connect(first, arguments[1]);
        AutoCloseable other = connect(second, arguments[1])) {
      if (one.getClass() == other.getClass()) {
        throw new IllegalStateException("both have the same class");
      }
      System.out.println("two class loaders, two clients");
    }
  }

  private static AutoCloseable connect(ClassLoader loader, String url) throws Exception {
    return (AutoCloseable) loader.loadClass("io.buslane.Buslane").getMethod("connect", String.class).invoke(null, url);
  }
}
