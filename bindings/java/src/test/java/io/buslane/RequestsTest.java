package io.buslane;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.Type;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Requests and what answers them. */
class RequestsTest {
  private TestBroker broker;
  private Buslane service;
  private Buslane caller;

  @BeforeEach
  void connect() throws Exception {
    broker = new TestBroker();
    service = broker.client("service").connect();
    caller = broker.client("caller").connect();
  }

  @AfterEach
  void leave() throws Exception {
    service.close();
    caller.close();
    broker.close();
  }

  record Sum(int left, int right) {}

  @Test
  void valuesAreWrittenAndReadByTheCodec() throws Exception {
    service.register(
        Service.named("calculator")
            .method(
                "add",
                request -> {
                  Sum sum = request.payloadAs(Sum.class);
                  return Map.of("sum", sum.left() + sum.right());
                }));
    Reply reply = caller.request("calculator:add", new Sum(2, 3)).get(20, SECONDS);
    assertEquals(Map.of("sum", 5), reply.payloadAs(Map.class));
  }

  @Test
  void aCodecOfTheProgramsOwnWritesAndReadsItsValues() throws Exception {
    Codec upper =
        new Codec() {
          @Override
          public byte[] write(Object value) {
            return ('"' + value.toString().toUpperCase(Locale.ROOT) + '"').getBytes(StandardCharsets.UTF_8);
          }

          @Override
          public Object read(byte[] json, Type type) {
            return type.getTypeName() + " of " + new String(json, StandardCharsets.UTF_8);
          }
        };
    service.register(Service.named("echo").method("say", request -> request.payload()));
    try (Buslane own = broker.client("own").codec(upper).connect()) {
      Reply reply = own.request("echo:say", Thread.State.NEW).get(20, SECONDS);
      assertEquals("\"NEW\"", reply.payload());
      assertEquals("java.lang.String of \"NEW\"", reply.payloadAs(String.class));
    }
  }

  @Test
  void halfOfASurrogatePairIsReplaced() throws Exception {
    service.register(Service.named("echo").method("say", request -> request.payload()));
    assertEquals("\"?\"", caller.request("echo:say", "\"\ud800\"").get(20, SECONDS).payload());
    assertEquals("\"\ud83d\ude80\"", caller.request("echo:say", "\"\ud83d\ude80\"").get(20, SECONDS).payload());
  }

  @Test
  void cancellingTheFutureCancelsOnTheBus() throws Exception {
    CountDownLatch invoked = new CountDownLatch(1);
    CountDownLatch withdrawn = new CountDownLatch(1);
    CompletableFuture<Object> never = new CompletableFuture<>();
    service.register(
        Service.named("slow")
            .method(
                "wait",
                request -> {
                  request.onCancel(withdrawn::countDown);
                  invoked.countDown();
                  return never;
                }));
    CompletableFuture<Reply> reply = caller.request("slow:wait", null);
    assertTrue(invoked.await(20, SECONDS));
    assertTrue(reply.cancel(true));
    assertTrue(withdrawn.await(20, SECONDS));
    assertThrows(java.util.concurrent.CancellationException.class, () -> never.get(20, SECONDS));
  }

  @Test
  void aTimeoutOfTheFutureCancelsOnTheBusToo() throws Exception {
    CountDownLatch withdrawn = new CountDownLatch(1);
    service.register(
        Service.named("slow")
            .method(
                "wait",
                request -> {
                  request.onCancel(withdrawn::countDown);
                  return new CompletableFuture<>();
                }));
    caller.request("slow:wait", null).orTimeout(50, TimeUnit.MILLISECONDS);
    assertTrue(withdrawn.await(20, SECONDS));
  }

  @Test
  void aServicesOwnErrorKeepsItsWordAndData() {
    service.register(
        Service.named("attic")
            .method(
                "get",
                request -> {
                  throw new ServiceException("not_found", "there is no such key", "\"shape\"");
                }));
    BuslaneException failure = failureOf(caller.request("attic:get", null));
    assertEquals("not_found", failure.word());
    assertEquals(ErrorCode.SERVICE_ERROR, failure.code());
    assertTrue(failure.isOfService());
    assertEquals("\"shape\"", failure.problem().data());
  }

  @Test
  void dataThatIsNoJsonIsLeftOutOfAServicesError() {
    service.register(
        Service.named("attic")
            .method("text", request -> refuse("a plain word"))
            .method("bytes", request -> refuse(Body.bytes("image/png", new byte[] {(byte) 0x89, (byte) 0xff}))));
    for (String address : List.of("attic:text", "attic:bytes")) {
      BuslaneException failure = failureOf(caller.request(Call.to(address).timeout(Duration.ofMinutes(2))));
      assertEquals("not_found", failure.word());
      assertEquals(null, failure.problem().data());
    }
  }

  private static Object refuse(Object data) {
    throw new ServiceException("not_found", "there is no such key", data);
  }

  @Test
  void anErrorOfAHandlerReachesTheCallerAndHarmsNobodyElse() throws Exception {
    service.register(
        Service.named("attic")
            .method(
                "break",
                request -> {
                  throw new StackOverflowError("too deep");
                })
            .method("get", request -> "1"));
    assertEquals("service_error", failureOf(caller.request("attic:break", null)).word());
    assertEquals("1", caller.request("attic:get", null).get(20, SECONDS).payload());
  }

  @Test
  void aRequestToNobodyFailsAtOnce() {
    assertEquals(ErrorCode.NO_INSTANCE, failureOf(caller.request("nobody:get", null)).code());
  }

  @Test
  void whatIsNoJsonIsRefusedBeforeItIsSent() {
    assertEquals(ErrorCode.INVALID_PAYLOAD, failureOf(caller.request("attic:get", "{")).code());
  }

  @Test
  void anAddressThatIsNoneIsRefused() {
    assertEquals(ErrorCode.INVALID_ADDRESS, failureOf(caller.request("attic", null)).code());
  }

  @Test
  void theDeadlineEndsARequest() {
    service.register(Service.named("slow").method("wait", request -> new CompletableFuture<>()));
    Call call = Call.to("slow:wait").timeout(Duration.ofMillis(50));
    assertEquals(ErrorCode.DEADLINE_EXCEEDED, failureOf(caller.request(call)).code());
  }

  @Test
  void aStreamIsTakenByAThreadThatWaits() {
    service.register(
        Service.named("counter")
            .streamMethod(
                "count",
                null,
                (request, parts) -> {
                  for (int number = 0; number < 1000; number++) {
                    parts.send(number);
                  }
                }));
    List<Integer> came = new ArrayList<>();
    try (BusIterator<Reply> parts = caller.iterate(Call.to("counter:count"))) {
      parts.forEachRemaining(part -> came.add(part.payloadAs(Integer.class)));
    }
    assertEquals(java.util.stream.IntStream.range(0, 1000).boxed().toList(), came);
  }

  @Test
  void aStreamThatIsClosedEndsAtTheService() throws Exception {
    AtomicInteger sent = new AtomicInteger();
    CompletableFuture<Throwable> ended = new CompletableFuture<>();
    service.register(
        Service.named("counter")
            .streamMethod(
                "count",
                null,
                (request, parts) -> {
                  try {
                    while (true) {
                      parts.send(sent.getAndIncrement());
                    }
                  } catch (BuslaneException withdrawn) {
                    ended.complete(withdrawn);
                    throw withdrawn;
                  }
                }));
    try (BusIterator<Reply> parts = caller.iterate(Call.to("counter:count").credit(4))) {
      assertEquals("0", parts.next().payload());
    }
    assertEquals(ErrorCode.CANCELLED, ((BuslaneException) ended.get(20, SECONDS)).code());
    // The credit of the bus, one batch ahead of it, and what was on its way: never without bound.
    assertTrue(sent.get() < 100, "it sent " + sent);
  }

  @Test
  void whatDependsOnAReplyMayWaitForAnother() throws Exception {
    service.register(Service.named("echo").method("say", request -> request.payload()));
    Reply second =
        caller
            .request("echo:say", "1")
            .thenApply(first -> caller.request("echo:say", "2").join())
            .get(20, SECONDS);
    assertEquals("2", second.payload());
  }

  private static BuslaneException failureOf(CompletableFuture<?> future) {
    var failed = assertThrows(ExecutionException.class, () -> future.get(20, SECONDS));
    return (BuslaneException) failed.getCause();
  }
}
