package io.buslane;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** A JVM of its own for a test, with the classes of the tests, which checks how JNI is used. */
final class Jvm {
  private final List<String> command = new ArrayList<>();
  private final ProcessBuilder builder = new ProcessBuilder(command);

  /** What a JVM left: its exit code, and all that it printed. */
  record Ended(int code, String said) {}

  Jvm(String... options) {
    command.add(ProcessHandle.current().info().command().orElseThrow());
    command.add("-Xcheck:jni");
    if (Runtime.version().feature() >= 24) {
      command.add("--enable-native-access=ALL-UNNAMED");
    }
    command.addAll(Arrays.asList(options));
    builder.redirectErrorStream(true);
  }

  /** Sets a variable of the environment. */
  Jvm with(String name, String value) {
    builder.environment().putAll(Map.of(name, value));
    return this;
  }

  /** Starts a program that is a class of the tests, and returns its process. */
  Process start(Class<?> program, String... arguments) throws IOException {
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), program.getName()));
    command.addAll(Arrays.asList(arguments));
    return builder.start();
  }

  /** Runs a program that is a class of the tests to its end. */
  Ended run(Class<?> program, String... arguments) throws Exception {
    return ended(start(program, arguments));
  }

  /** Waits for the end of a process. */
  static Ended ended(Process process) throws Exception {
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Ended(process.waitFor(), said);
  }

  /** Returns the native library that the tests run with. */
  static Path library() {
    Path natives = Path.of(System.getProperty("buslane.test.classes"), "buslane-natives", NativeLibrary.platform());
    try (var files = Files.list(natives)) {
      return files.findFirst().orElseThrow();
    } catch (IOException missing) {
      throw new UncheckedIOException(missing);
    }
  }
}
