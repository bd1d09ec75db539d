package io.buslane;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Flow;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Many threads, interrupts, and executors of every kind. */
class ThreadsTest {
  private TestBroker broker;
  private Buslane caller;

  @BeforeEach
  void connect() throws Exception {
    broker = new TestBroker();
    caller = broker.client("caller").connect();
    caller.register(Service.named("echo").method("say", request -> request.payload()));
  }

  @AfterEach
  void leave() throws Exception {
    caller.close();
    broker.close();
  }

  @Test
  void aThousandThreadsRequestAtOnce() throws Exception {
    atOnce(1000, work -> new Thread(null, work, "asker", 256 << 10), this::ask);
  }

  @Test
  void aThousandVirtualThreadsRequestAtOnceWhereTheJvmHasThem() throws Exception {
    atOnce(1000, virtualThreads(), this::ask);
  }

  @Test
  void handlersRunOnVirtualThreadsWhereTheJvmHasThem() throws Exception {
    caller.register(Service.named("thread").method("kind", request -> Boolean.toString(isVirtual())));
    String virtual = caller.request("thread:kind").get(20, SECONDS).payload();
    assertEquals(Runtime.version().feature() >= 21, Boolean.parseBoolean(virtual));
  }

  @Test
  void handlersMayWaitForRequestsOfTheirOwn() throws Exception {
    caller.register(
        Service.named("relay")
            .method("say", request -> caller.request(lasting("echo:say", request.payload())).get().payload()));
    List<CompletableFuture<Reply>> replies = new ArrayList<>();
    for (int number = 0; number < 48; number++) {
      replies.add(caller.request(lasting("relay:say", Integer.toString(number))));
    }
    for (int number = 0; number < replies.size(); number++) {
      assertEquals(Integer.toString(number), replies.get(number).get(60, SECONDS).payload());
    }
  }

  @Test
  void sixtyFourThreadsUseOneClientForEverything() throws Exception {
    atOnce(
        64,
        Thread::new,
        number -> {
          CountDownLatch heard = new CountDownLatch(1);
          String topic = "a/" + number;
          try (Subscription subscription = caller.subscribe(topic, message -> heard.countDown())) {
            caller.publish(topic, "1");
            assertTrue(heard.await(60, SECONDS));
          }
          Registration registration = caller.register(Service.named("s" + number).method("get", request -> "1"));
          assertEquals("1", caller.request(lasting("s" + number + ":get", null)).join().payload());
          registration.unregister();
          caller.flush();
        });
  }

  @Test
  void closingWhileManyThreadsRequestEndsThemAllAndHarmsNothing() throws Exception {
    Buslane leaving = broker.client("leaving").connect();
    Thread closing = new Thread(leaving::close);
    atOnce(
        64,
        Thread::new,
        number -> {
          if (number == 32) {
            closing.start();
          }
          while (true) {
            try {
              leaving.request("echo:say", "1").get();
            } catch (ExecutionException ended) {
              assertEquals(ErrorCode.CLOSED, ((BuslaneException) ended.getCause()).code());
              return;
            }
          }
        });
    closing.join();
  }

  @Test
  void anInterruptEndsEachKindOfWait() throws Exception {
    CompletableFuture<Reply> reply = hanging();
    Thread.currentThread().interrupt();
    assertThrows(InterruptedException.class, reply::get);
    assertFalse(Thread.interrupted(), "as with every future");
    assertFalse(reply.isDone(), "the request goes on");

    try (BusIterator<Message> messages = caller.iterate(Subscribe.to("never"))) {
      cancelled(messages::hasNext);
    }
  }

  @Test
  void anInterruptEndsAWaitForTheBroker() throws Exception {
    try (FakeBroker deaf = new FakeBroker(false);
        FakeBroker silent = new FakeBroker(false)) {
      cancelled(() -> deaf.client().connect());
      Buslane bus = met(silent);
      cancelled(bus::flush);
      cancelled(() -> bus.subscribe("a", message -> {}));
      cancelled(() -> bus.iterate(Subscribe.to("a")));
      cancelled(() -> bus.onPresence(event -> {}));
      silent.close();
      bus.close();
    }
  }

  @Test
  void aRegistrationWhoseWaitIsInterruptedIsTakenBack() throws Exception {
    try (FakeBroker slow = new FakeBroker(false)) {
      Buslane bus = met(slow);
      cancelled(() -> bus.register(Service.named("late").method("get", request -> "1")));
      JsonNode register = slow.hear();
      assertEquals("register", register.get("type").asText());
      slow.say(
          FakeBroker.line(
              """
              {"type":"registered","id":%s,"name":"late","instance":"one","resume":"r","heartbeat_ms":0}"""
                  .formatted(register.get("id"))));
      assertEquals("unregister", slow.hear().get("type").asText());
      slow.close();
      bus.close();
    }
  }

  @Test
  void joiningAndClosingGoOnThroughAnInterrupt() throws Exception {
    Thread.currentThread().interrupt();
    assertEquals("1", caller.request("echo:say", "1").join().payload());
    assertTrue(Thread.currentThread().isInterrupted());
    caller.close();
    assertTrue(Thread.interrupted());
    assertFalse(caller.isConnected());
  }

  @Test
  void anExecutorThatIsShutDownFailsRequestsAndEndsSubscriptions() throws Exception {
    ExecutorService executor = Executors.newSingleThreadExecutor();
    try (Buslane service = broker.client("service").executor(executor).connect()) {
      service.register(Service.named("attic").method("get", request -> "1"));
      Failing failing = new Failing();
      service.messages(Subscribe.to("a")).subscribe(failing);
      service.flush();
      executor.shutdown();
      assertTrue(executor.awaitTermination(20, SECONDS));
      assertEquals("service_error", failureOf(caller.request("attic:get")).word());
      assertEquals(ErrorCode.NO_INSTANCE, failureOf(service.request("nobody:get")).code());
      caller.publish("a", "1");
      assertEquals(ErrorCode.CLOSED, ((BuslaneException) failing.failure.get(20, SECONDS)).code());
    }
  }

  @Test
  void anExecutorThatFailsInAWayOfItsOwnIsOneThatTakesNothing() throws Exception {
    Executor broken =
        work -> {
          throw new IllegalStateException("on purpose");
        };
    try (Buslane service = broker.client("service").executor(broken).connect()) {
      service.register(Service.named("attic").method("get", request -> "1"));
      assertEquals("service_error", failureOf(caller.request("attic:get")).word());
      assertEquals("1", service.request("echo:say", "1").get(20, SECONDS).payload());
    }
  }

  @Test
  void anExecutorThatRunsItsWorkAtOnceMayAnswerAndCloseButNotWait() throws Exception {
    Buslane service = broker.client("service").executor(Runnable::run).connect();
    service.register(
        Service.named("attic")
            .method("get", request -> "1")
            .method("wait", request -> service.request("echo:say", "1").get()));
    assertEquals("1", caller.request("attic:get").get(20, SECONDS).payload());
    BuslaneException failure = failureOf(caller.request("attic:wait"));
    assertTrue(failure.problem().title().contains("this thread runs the connection"), failure.toString());
    CompletableFuture<Boolean> closed = new CompletableFuture<>();
    service.subscribe(
        "a",
        message -> {
          service.close();
          closed.complete(true);
        });
    caller.publish("a", "1");
    assertTrue(closed.get(20, SECONDS));
    service.close();
    assertFalse(service.isConnected());
  }

  /** Begins a request that nobody answers. */
  private CompletableFuture<Reply> hanging() {
    caller.register(Service.named("slow").method("wait", request -> new CompletableFuture<>()));
    return caller.request(lasting("slow:wait", null));
  }

  private void ask(int number) throws Exception {
    String text = Integer.toString(number);
    assertEquals(text, caller.request(lasting("echo:say", text)).get().payload());
  }

  /** A request that a busy machine does not let expire. */
  private static Call lasting(String address, Object payload) {
    return Call.to(address).payload(payload).timeout(Duration.ofMinutes(2));
  }

  /** Something that is done by a thread that has a number. */
  private interface Work {
    void run(int number) throws Exception;
  }

  private static void atOnce(int count, ThreadFactory factory, Work work) throws Exception {
    AtomicReference<Throwable> wrong = new AtomicReference<>();
    List<Thread> threads = new ArrayList<>();
    for (int index = 0; index < count; index++) {
      int number = index;
      Thread thread =
          factory.newThread(
              () -> {
                try {
                  work.run(number);
                } catch (Throwable failure) {
                  wrong.set(failure);
                }
              });
      thread.start();
      threads.add(thread);
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertEquals(null, wrong.get());
  }

  private static ThreadFactory virtualThreads() throws ReflectiveOperationException {
    if (Runtime.version().feature() < 21) {
      return Thread::new;
    }
    Object builder = Thread.class.getMethod("ofVirtual").invoke(null);
    return (ThreadFactory) Class.forName("java.lang.Thread$Builder").getMethod("factory").invoke(builder);
  }

  private static boolean isVirtual() throws ReflectiveOperationException {
    return Runtime.version().feature() >= 21
        && (boolean) Thread.class.getMethod("isVirtual").invoke(Thread.currentThread());
  }

  private static void cancelled(org.junit.jupiter.api.function.Executable work) {
    Thread.currentThread().interrupt();
    assertEquals(ErrorCode.CANCELLED, assertThrows(BuslaneException.class, work).code());
    assertTrue(Thread.interrupted(), "the thread stays interrupted");
  }

  /** Connects to a broker that accepts the next client, and says nothing by itself. */
  private static Buslane met(FakeBroker broker) throws Exception {
    CompletableFuture<Buslane> client = CompletableFuture.supplyAsync(() -> broker.client().connect());
    broker.accept();
    return client.get(20, SECONDS);
  }

  private static BuslaneException failureOf(CompletableFuture<?> future) {
    var failed = assertThrows(CompletionException.class, () -> future.orTimeout(20, SECONDS).join());
    return (BuslaneException) failed.getCause();
  }

  /** Keeps why it is told nothing more. */
  private static final class Failing implements Flow.Subscriber<Message> {
    private final CompletableFuture<Throwable> failure = new CompletableFuture<>();

    @Override
    public void onSubscribe(Flow.Subscription offered) {
      offered.request(Long.MAX_VALUE);
    }

    @Override
    public void onNext(Message message) {}

    @Override
    public void onError(Throwable why) {
      failure.complete(why);
    }

    @Override
    public void onComplete() {}
  }
}
