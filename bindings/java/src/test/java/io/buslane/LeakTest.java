package io.buslane;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

/** A million messages leave nothing behind, neither in the heap nor beside it. */
class LeakTest {
  private static final int MESSAGES = 1_000_000;
  private static final int AT_A_TIME = 10_000;

  @Test
  @EnabledOnOs(OS.LINUX)
  void aMillionMessagesLeaveNothingBehind() throws Exception {
    try (TestBroker broker = new TestBroker();
        Buslane bus = broker.client("leak").connect()) {
      exchange(bus, MESSAGES / 10);
      long before = residentKib();
      exchange(bus, MESSAGES);
      long grown = residentKib() - before;
      assertTrue(grown < 64 << 10, "the process grew by " + grown + " KiB");
    }
  }

  /** Publishes so many messages to itself, some at a time so that none gives way. */
  private static void exchange(Buslane bus, int messages) throws Exception {
    for (int sent = 0; sent < messages; sent += AT_A_TIME) {
      CountDownLatch heard = new CountDownLatch(AT_A_TIME);
      try (Subscription subscription = bus.subscribe("leak", message -> heard.countDown())) {
        for (int number = 0; number < AT_A_TIME; number++) {
          bus.publish("leak", "{\"celsius\":21.5}");
        }
        heard.await();
      }
    }
  }

  private static long residentKib() throws Exception {
    System.gc();
    return Files.readAllLines(Path.of("/proc/self/status")).stream()
        .filter(line -> line.startsWith("VmRSS:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
        .findFirst()
        .orElseThrow();
  }
}
