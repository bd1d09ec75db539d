package io.buslane;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Misuse and misfortune: an exception each time, never a crash and never a wait without end. */
class FaultsTest {
  @Test
  void anUnreachableBrokerIsTold() {
    BuslaneBuilder builder = Buslane.builder().url("buslane://127.0.0.1:1").connectTimeout(Duration.ofMillis(50));
    BuslaneException failure = assertThrows(BuslaneException.class, builder::connect);
    assertEquals(ErrorCode.UNREACHABLE, failure.code());
    assertEquals(ErrorCode.Retry.LATER, failure.code().retry());
  }

  @Test
  void aUrlThatIsNoneIsTold() {
    assertThrows(BuslaneException.class, () -> Buslane.connect("gopher://somewhere"));
  }

  @Test
  void everythingFailsWithClosedAfterTheClient() throws Exception {
    try (TestBroker broker = new TestBroker()) {
      Buslane bus = broker.client("left").connect();
      Registration registration = bus.register(Service.named("attic").method("get", request -> "1"));
      Subscription subscription = bus.subscribe("a", message -> {});
      bus.close();
      bus.close();
      assertEquals(ErrorCode.CLOSED, codeOf(bus.request("attic:get", null)));
      assertEquals(ErrorCode.CLOSED, codeOf(bus.gather(Call.to("*:get"))));
      assertEquals(ErrorCode.CLOSED, codeOf(bus.publishAcknowledged(Publication.on("a"))));
      assertEquals(ErrorCode.CLOSED, codeOf(() -> bus.publish("a", "1")));
      assertEquals(ErrorCode.CLOSED, codeOf(() -> bus.subscribe("a", message -> {})));
      assertEquals(ErrorCode.CLOSED, codeOf(() -> bus.register(Service.named("attic"))));
      assertEquals(ErrorCode.CLOSED, codeOf(() -> bus.iterate(Call.to("attic:get"))));
      assertEquals(ErrorCode.CLOSED, codeOf(bus::flush));
      assertEquals(ErrorCode.CLOSED, codeOf(registration::unregister));
      assertTrue(registration.instance().isEmpty());
      subscription.close();
      assertFalse(bus.isConnected());
    }
  }

  @Test
  void closingEndsWhatIsAwaited() throws Exception {
    CountDownLatch invoked = new CountDownLatch(1);
    try (TestBroker broker = new TestBroker();
        Buslane service = broker.client("service").connect()) {
      service.register(
          Service.named("slow")
              .method(
                  "wait",
                  request -> {
                    invoked.countDown();
                    return new CompletableFuture<>();
                  }));
      Buslane caller = broker.client("caller").connect();
      CompletableFuture<Reply> reply = caller.request("slow:wait", null);
      BusIterator<Message> messages = caller.iterate(Subscribe.to("never"));
      assertTrue(invoked.await(20, SECONDS));
      caller.close();
      assertEquals(ErrorCode.CLOSED, codeOf(reply));
      assertFalse(messages.hasNext());
    }
  }

  @Test
  void aCallbackThatFailsEndsItsSubscriptionAndNothingElse() throws Exception {
    CountDownLatch heard = new CountDownLatch(2);
    try (TestBroker broker = new TestBroker();
        Buslane bus = broker.client("listener").connect()) {
      bus.subscribe(
          "a",
          message -> {
            throw new IllegalStateException("on purpose");
          });
      bus.subscribe("a", message -> heard.countDown());
      bus.publish("a", "1");
      bus.publish("a", "2");
      assertTrue(heard.await(20, SECONDS));
    }
  }

  @Test
  void aForgottenClientLeavesTheBusWithOneWarning() throws Exception {
    List<LogRecord> warnings = new CopyOnWriteArrayList<>();
    try (TestBroker broker = new TestBroker();
        Buslane watcher = broker.client("watcher").connect();
        Listening listening = new Listening(warnings)) {
      Set<Thread> before = threads();
      WeakReference<Buslane> forgotten = new WeakReference<>(broker.client("forgotten").connect());
      assertTrue(clients(watcher).contains("forgotten"));
      long end = System.nanoTime() + TimeUnit.MINUTES.toNanos(2);
      while (clients(watcher).contains("forgotten") || !before.containsAll(threads())) {
        assertTrue(System.nanoTime() < end, "it is still there");
        System.gc();
      }
      assertEquals(null, forgotten.get());
      assertEquals(1, warnings.size(), warnings::toString);
      assertTrue(warnings.get(0).getMessage().contains("forgotten"));
    }
  }

  /** Hears what the clients have to say in the log, while it is open. */
  private static final class Listening extends Handler implements AutoCloseable {
    private static final Logger LOGGER = Logger.getLogger("io.buslane");
    private final List<LogRecord> records;

    Listening(List<LogRecord> records) {
      this.records = records;
      LOGGER.addHandler(this);
    }

    @Override
    public void publish(LogRecord record) {
      records.add(record);
    }

    @Override
    public void flush() {}

    @Override
    public void close() {
      LOGGER.removeHandler(this);
    }
  }

  /** The threads of clients that run. */
  private static Set<Thread> threads() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().equals("buslane"))
        .collect(Collectors.toSet());
  }

  @Test
  void aBrokerThatEndsIsToldAndWhatIsAwaitedFails() throws Exception {
    CountDownLatch invoked = new CountDownLatch(1);
    try (TestBroker broker = new TestBroker();
        Buslane bus = broker.client("both").connect()) {
      BlockingQueue<ConnectionState.Kind> states = new LinkedBlockingQueue<>();
      bus.onState(state -> states.add(state.kind()));
      assertEquals(ConnectionState.Kind.CONNECTED, states.poll(20, SECONDS));
      bus.register(
          Service.named("slow")
              .method(
                  "wait",
                  request -> {
                    invoked.countDown();
                    return new CompletableFuture<>();
                  }));
      CompletableFuture<Reply> reply = bus.request("slow:wait");
      assertTrue(invoked.await(20, SECONDS));
      broker.kill();
      assertEquals(ErrorCode.OUTCOME_UNKNOWN, codeOf(reply));
      assertEquals(ConnectionState.Kind.DISCONNECTED, states.poll(20, SECONDS));
      assertFalse(bus.isConnected());
      Call brief = Call.to("slow:wait").timeout(Duration.ofMillis(50));
      assertEquals(ErrorCode.NOT_SENT, codeOf(bus.request(brief)), "it waits for a connection");
    }
  }

  @Test
  void whatIsNoJsonIsRefusedWhereItIsSent() throws Exception {
    try (TestBroker broker = new TestBroker();
        Buslane bus = broker.client("both").connect()) {
      bus.register(
          Service.named("attic").method("bad", request -> "{").method("worse", request -> new Object()));
      byte[] noText = {'"', (byte) 0xFF, '"'};
      assertEquals(ErrorCode.INVALID_PAYLOAD, codeOf(bus.request("attic:bad", noText)));
      assertEquals(ErrorCode.INVALID_PAYLOAD, codeOf(bus.request("attic:bad", new Object())));
      assertEquals(ErrorCode.INVALID_PAYLOAD, codeOf(bus.gather(Call.to("*:bad").payload(new Object()))));
      assertEquals(ErrorCode.INVALID_PAYLOAD, codeOf(() -> bus.publish("a", "{")));
      assertEquals(ErrorCode.INVALID_PAYLOAD, codeOf(() -> bus.publish("a", new Object())));
      assertEquals(ErrorCode.SERVICE_ERROR, codeOf(bus.request("attic:bad")));
      assertEquals(ErrorCode.SERVICE_ERROR, codeOf(bus.request("attic:worse")));
      assertEquals(ErrorCode.INVALID_TOPIC, codeOf(() -> bus.publish("a//b", "1")));
      assertEquals(ErrorCode.INVALID_FILTER, codeOf(() -> bus.subscribe("a/#/b", message -> {})));
      assertEquals(ErrorCode.INVALID_SCHEMA, codeOf(() -> bus.register(withSchema("{\"type\":7}"))));
      assertTrue(bus.isConnected());
    }
  }

  private static Service withSchema(String schema) {
    return Service.named("strict").method("get", schema, request -> "1");
  }

  @Test
  void nullIsRefusedWhereItIsGiven() throws Exception {
    try (TestBroker broker = new TestBroker();
        Buslane bus = broker.client("both").connect()) {
      assertThrows(NullPointerException.class, () -> bus.subscribe("a", null));
      assertThrows(NullPointerException.class, () -> bus.publish(null, "1"));
      assertThrows(NullPointerException.class, () -> bus.request((String) null));
      assertThrows(NullPointerException.class, () -> bus.onState(null));
      assertThrows(NullPointerException.class, () -> bus.messages(Subscribe.to("a")).subscribe(null));
      assertThrows(NullPointerException.class, () -> Service.named("attic").method("get", null));
      assertThrows(IllegalArgumentException.class, () -> Subscribe.to("a").queueBytes(-1));
      assertThrows(IllegalArgumentException.class, () -> Buslane.builder().offlineBytes(-1));
    }
  }

  @Test
  void callbacksMayCloseWhatCallsThem() throws Exception {
    CompletableFuture<Boolean> closed = new CompletableFuture<>();
    try (TestBroker broker = new TestBroker();
        Buslane bus = broker.client("closing").connect()) {
      AtomicReference<Subscription> first = new AtomicReference<>();
      CompletableFuture<Boolean> ended = new CompletableFuture<>();
      first.set(
          bus.subscribe(
              "a",
              message -> {
                first.get().close();
                ended.complete(true);
              }));
      bus.publish("a", "1");
      assertTrue(ended.get(20, SECONDS));
      bus.subscribe(
          "b",
          message -> {
            bus.close();
            closed.complete(true);
          });
      bus.publish("b", "1");
      assertTrue(closed.get(20, SECONDS));
      assertEquals(ErrorCode.CLOSED, codeOf(bus::flush));
    }
  }

  @Test
  void aHandlerMayCloseItsClient() throws Exception {
    try (TestBroker broker = new TestBroker();
        Buslane caller = broker.client("caller").connect()) {
      Buslane service = broker.client("service").connect();
      service.register(
          Service.named("attic")
              .method(
                  "close",
                  request -> {
                    service.close();
                    return "1";
                  }));
      assertEquals(ErrorCode.OUTCOME_UNKNOWN, codeOf(caller.request("attic:close")));
      assertFalse(service.isConnected());
    }
  }

  @Test
  void aJvmThatEndsWithAnOpenClientEndsCleanly() throws Exception {
    try (TestBroker broker = new TestBroker()) {
      Jvm.Ended ended = new Jvm().with("BUSLANE_URL", broker.url()).run(OpenAtExit.class);
      assertEquals(new Jvm.Ended(0, "connected\n"), ended);
    }
  }

  /** Ends while a client is open, something is registered and a request is under way. */
  static final class OpenAtExit {
    public static void main(String[] arguments) throws Exception {
      Buslane bus = Buslane.connect();
      bus.register(Service.named("slow").method("wait", request -> new CompletableFuture<>()));
      bus.request("slow:wait", null);
      System.out.println("connected");
    }
  }

  private static String clients(Buslane watcher) throws Exception {
    return watcher.request("$bus:clients", "{}").get(20, SECONDS).payload();
  }

  private static ErrorCode codeOf(CompletableFuture<?> future) {
    var failed = assertThrows(ExecutionException.class, () -> future.get(20, SECONDS));
    return ((BuslaneException) failed.getCause()).code();
  }

  private static ErrorCode codeOf(org.junit.jupiter.api.function.Executable work) {
    return assertThrows(BuslaneException.class, work).code();
  }
}
