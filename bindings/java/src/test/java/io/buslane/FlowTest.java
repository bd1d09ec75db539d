package io.buslane;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.SubmissionPublisher;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Publishers and subscribers: who is slow holds back whoever is fast, across the bus. */
class FlowTest {
  private static final String KIBIBYTE = '"' + "x".repeat(1022) + '"';

  private TestBroker broker;
  private Buslane bus;

  @BeforeEach
  void connect() throws Exception {
    broker = new TestBroker();
    bus = broker.client("flow").connect();
  }

  @AfterEach
  void leave() throws Exception {
    bus.close();
    broker.close();
  }

  @Test
  void aSubscriberIsGivenNoMoreThanItAsksFor() throws Exception {
    Taking<Message> taking = new Taking<>();
    bus.messages(Subscribe.to("a").credit(4)).subscribe(taking);
    publish(50);
    taking.subscription.request(3);
    for (int number = 0; number < 3; number++) {
      taking.next();
    }
    bus.flush();
    assertEquals(null, taking.items.poll());
    taking.subscription.cancel();
  }

  @Test
  void whatASlowSubscriberDoesNotTakeWaitsAtTheBroker() throws Exception {
    // The client's queue has room for a few: what the broker sent ahead of the credit would be missing.
    Taking<Message> taking = new Taking<>();
    bus.messages(Subscribe.to("a").credit(4).queueBytes(8 << 10).onGap(taking.items::add)).subscribe(taking);
    publish(200);
    for (int number = 0; number < 200; number++) {
      taking.subscription.request(1);
      assertInstanceOf(Message.class, taking.items.poll(20, SECONDS));
    }
  }

  @Test
  void whatComesWithoutCreditDoesNotFitAndLeavesAGap() throws Exception {
    // The other side of the test before: without back-pressure the small queue overflows.
    Taking<Message> taking = new Taking<>();
    Subscribe subscribe = Subscribe.to("a").credit(1000).queueBytes(8 << 10).onGap(taking.items::add);
    bus.messages(subscribe).subscribe(taking);
    publish(200);
    taking.subscription.request(Long.MAX_VALUE);
    assertInstanceOf(Gap.class, taking.items.poll(20, SECONDS));
  }

  @Test
  void aSubscriberThatTakesNoMoreHoldsTheServiceBack() throws Exception {
    AtomicInteger sent = new AtomicInteger();
    CompletableFuture<Throwable> ended = new CompletableFuture<>();
    bus.register(
        Service.named("counter")
            .streamMethod(
                "count",
                null,
                (request, parts) -> {
                  try {
                    while (true) {
                      parts.send(KIBIBYTE);
                      sent.incrementAndGet();
                    }
                  } catch (BuslaneException withdrawn) {
                    ended.complete(withdrawn);
                  }
                }));
    Taking<Reply> taking = new Taking<>();
    bus.stream(Call.to("counter:count").credit(4)).subscribe(taking);
    taking.subscription.request(3);
    for (int number = 0; number < 3; number++) {
      taking.next();
    }
    bus.flush();
    taking.subscription.cancel();
    assertEquals(ErrorCode.CANCELLED, ((BuslaneException) ended.get(20, SECONDS)).code());
    // The credit, what may wait at the service, and what was asked for: never without bound.
    assertTrue(sent.get() < 3 + 2 * (4 + ReplyParts.AHEAD), "it sent " + sent);
  }

  @Test
  void aPublisherThatAnswersIsAskedForNoMoreThanTheCallerTakes() throws Exception {
    CompletableFuture<Void> cancelled = new CompletableFuture<>();
    AtomicInteger asked = new AtomicInteger();
    bus.register(
        Service.named("counter").publisherMethod("count", null, request -> endless(asked, cancelled)));
    Taking<Reply> taking = new Taking<>();
    bus.stream(Call.to("counter:count").credit(4)).subscribe(taking);
    taking.subscription.request(3);
    for (int number = 0; number < 3; number++) {
      assertEquals(Integer.toString(number), taking.next().payload());
    }
    taking.subscription.cancel();
    cancelled.get(20, SECONDS);
    assertTrue(asked.get() < 3 + 2 * (4 + ReplyParts.AHEAD), "it was asked for " + asked);
  }

  @Test
  void aStreamReachesItsEndInOrderAndWhole() throws Exception {
    SubmissionPublisher<Integer> numbers = new SubmissionPublisher<>();
    bus.register(
        Service.named("counter")
            .publisherMethod(
                "count",
                null,
                request ->
                    subscriber -> {
                      numbers.subscribe(subscriber);
                      for (int number = 0; number < 100; number++) {
                        numbers.submit(number);
                      }
                      numbers.close();
                    }));
    Taking<Reply> taking = new Taking<>();
    bus.stream(Call.to("counter:count")).subscribe(taking);
    taking.subscription.request(Long.MAX_VALUE);
    for (int number = 0; number < 100; number++) {
      assertEquals(Integer.toString(number), taking.next().payload());
    }
    assertEquals("complete", taking.items.poll(20, SECONDS));
  }

  @Test
  void askingForNothingIsAnErrorAndARefusedSubscriptionIsOneToo() throws Exception {
    Taking<Message> misusing = new Taking<>();
    bus.messages(Subscribe.to("a")).subscribe(misusing);
    misusing.subscription.request(0);
    assertInstanceOf(IllegalArgumentException.class, misusing.items.poll(20, SECONDS));

    Taking<Message> refused = new Taking<>();
    bus.messages(Subscribe.to("a/#/b")).subscribe(refused);
    BuslaneException why = assertInstanceOf(BuslaneException.class, refused.items.poll(20, SECONDS));
    assertEquals(ErrorCode.INVALID_FILTER, why.code());
  }

  @Test
  void aSubscriberThatFailsAtOnceLeavesNoSubscription() {
    Flow.Subscriber<Message> failing =
        new Taking<>() {
          @Override
          public void onSubscribe(Flow.Subscription offered) {
            throw new IllegalStateException("on purpose");
          }
        };
    assertThrows(IllegalStateException.class, () -> bus.messages(Subscribe.to("a")).subscribe(failing));
    bus.flush();
    assertEquals(0L, bus.publishAcknowledged(Publication.on("a").payload("1")).join());
  }

  private void publish(int count) {
    bus.flush();
    for (int number = 0; number < count; number++) {
      bus.publish("a", KIBIBYTE);
    }
    bus.flush();
  }

  /** Yields numbers, as many as it is asked for. */
  private static Flow.Publisher<Integer> endless(AtomicInteger asked, CompletableFuture<Void> cancelled) {
    return subscriber ->
        subscriber.onSubscribe(
            new Flow.Subscription() {
              private final AtomicBoolean inside = new AtomicBoolean();

              @Override
              public void request(long count) {
                if (!inside.compareAndSet(false, true)) {
                  cancelled.completeExceptionally(new AssertionError("asked by two at a time"));
                }
                for (long given = 0; given < count; given++) {
                  subscriber.onNext(asked.getAndIncrement());
                }
                inside.set(false);
              }

              @Override
              public void cancel() {
                cancelled.complete(null);
              }
            });
  }

  /** Keeps what comes; asks for nothing by itself. */
  private static class Taking<T> implements Flow.Subscriber<T> {
    final BlockingQueue<Object> items = new LinkedBlockingQueue<>();
    volatile Flow.Subscription subscription;

    @SuppressWarnings("unchecked")
    T next() throws InterruptedException {
      return (T) items.poll(20, SECONDS);
    }

    @Override
    public void onSubscribe(Flow.Subscription offered) {
      subscription = offered;
    }

    @Override
    public void onNext(T item) {
      items.add(item);
    }

    @Override
    public void onError(Throwable failure) {
      items.add(failure);
    }

    @Override
    public void onComplete() {
      items.add("complete");
    }
  }
}
