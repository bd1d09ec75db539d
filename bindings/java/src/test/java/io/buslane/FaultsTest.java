package io.buslane;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
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
  void aSubscriberIsGivenNoMoreThanItAsksFor() throws Exception {
    try (TestBroker broker = new TestBroker();
        Buslane bus = broker.client("both").connect()) {
      Counting counting = new Counting();
      bus.messages(Subscribe.to("a").credit(4)).subscribe(counting);
      bus.flush();
      for (int number = 0; number < 50; number++) {
        bus.publish("a", Integer.toString(number));
      }
      bus.flush();
      counting.subscription.request(3);
      assertTrue(counting.three.await(20, SECONDS));
      bus.flush();
      assertEquals(3, counting.came);
      counting.subscription.cancel();
    }
  }

  @Test
  void aForgottenClientLeavesTheBus() throws Exception {
    try (TestBroker broker = new TestBroker();
        Buslane watcher = broker.client("watcher").connect()) {
      WeakReference<Buslane> forgotten = new WeakReference<>(broker.client("forgotten").connect());
      long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
      while (clients(watcher).contains("forgotten")) {
        assertTrue(System.nanoTime() < end, "it is still there");
        System.gc();
      }
      assertEquals(null, forgotten.get());
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

  private static final class Counting implements Flow.Subscriber<Message> {
    private final CountDownLatch three = new CountDownLatch(3);
    private volatile int came;
    private volatile Flow.Subscription subscription;

    @Override
    public void onSubscribe(Flow.Subscription offered) {
      subscription = offered;
    }

    @Override
    public void onNext(Message message) {
      came++;
      three.countDown();
    }

    @Override
    public void onError(Throwable failure) {
      throw new AssertionError(failure);
    }

    @Override
    public void onComplete() {}
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
