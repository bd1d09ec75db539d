package io.buslane;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

/** Messages and clients leave nothing behind, neither in the heap nor beside it. */
class LeakTest {
  private static final int MESSAGES = 1_000_000;
  private static final int CLIENTS = 300;
  private static final int AT_A_TIME = 10_000;

  @Test
  @EnabledOnOs(OS.LINUX)
  void aMillionMessagesLeaveNothingBehind() throws Exception {
    try (TestBroker broker = new TestBroker();
        Buslane bus = broker.client("leak").connect()) {
      exchange(bus, MESSAGES / 10);
      long heap = heapKib();
      long resident = residentKib();
      exchange(bus, MESSAGES);
      long heapGrown = heapKib() - heap;
      long residentGrown = residentKib() - resident;
      assertTrue(heapGrown < 4 << 10, "the heap grew by " + heapGrown + " KiB");
      // All that the heap may take is in memory from the start.
      assertTrue(residentGrown < 32 << 10, "the process grew by " + residentGrown + " KiB");
    }
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void clientsThatAreClosedLeaveNothingBehind() throws Exception {
    try (TestBroker broker = new TestBroker()) {
      join(broker, CLIENTS / 10);
      long descriptors = count("/proc/self/fd");
      long threads = count("/proc/self/task");
      long resident = residentKib();
      join(broker, CLIENTS);
      assertTrue(count("/proc/self/fd") < descriptors + CLIENTS / 10, "descriptors are left");
      assertTrue(count("/proc/self/task") < threads + CLIENTS / 10, "threads are left");
      long grown = residentKib() - resident;
      assertTrue(grown < 64 << 10, "the process grew by " + grown + " KiB");
    }
  }

  /** Has so many clients come one after another, offer something, ask for it, and go. */
  private static void join(TestBroker broker, int clients) throws Exception {
    for (int number = 0; number < clients; number++) {
      try (Buslane bus = broker.client("guest").connect()) {
        bus.register(Service.named("echo").method("say", request -> request.payload()));
        bus.subscribe("a", message -> {});
        bus.request("echo:say", "1").get();
        bus.request("echo:say", "2");
      }
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

  private static long heapKib() {
    System.gc();
    return (Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory()) >> 10;
  }

  private static long count(String folder) throws Exception {
    try (var entries = Files.list(Path.of(folder))) {
      return entries.count();
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
