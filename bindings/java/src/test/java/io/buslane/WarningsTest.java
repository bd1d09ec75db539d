package io.buslane;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * What the JVMs of the other tests, which run with {@code -Xcheck:jni}, had to say about the native library. Runs after
 * them, in a JVM of its own.
 */
class WarningsTest {
  @Test
  void noJvmHadAWarning() throws Exception {
    List<Path> logs = new ArrayList<>();
    try (var found = Files.newDirectoryStream(Path.of(System.getProperty("buslane.test.output")), "jvm-*.log")) {
      found.forEach(logs::add);
    }
    assertFalse(logs.isEmpty(), "no JVM has left a log");
    List<String> warnings = new ArrayList<>();
    for (Path log : logs) {
      List<String> lines = Files.readAllLines(log);
      assertTrue(lines.stream().anyMatch(line -> line.contains("-Xcheck:jni")), log + " is of a JVM that did not check");
      lines.stream().filter(WarningsTest::isWarning).forEach(warnings::add);
      Files.delete(log);
    }
    assertEquals(List.of(), warnings);
  }

  @Test
  void aWarningIsToldFromWhatElseAJvmSays() {
    assertTrue(isWarning("WARNING in native method: JNI call made without checking exceptions when required to"));
    assertTrue(isWarning("FATAL ERROR in native method: Bad global or local ref passed to JNI"));
    assertTrue(isWarning("WARNING: JNI local refs: 65, exceeds capacity: 32"));
    assertFalse(isWarning("<vm_arguments><args>-Xcheck:jni -Xmx256m</args></vm_arguments>"));
  }

  private static boolean isWarning(String line) {
    return line.contains("in native method") || line.startsWith("WARNING") || line.startsWith("Warning");
  }
}
