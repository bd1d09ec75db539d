package io.buslane;

import java.lang.ref.Cleaner;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * A client of a bus: registers services, calls, publishes and listens.
 *
 * <pre>{@code
 * try (Buslane bus = Buslane.connect()) {
 *   bus.register(Service.named("attic").version("1.0.0").group("storage")
 *       .method("get", GET_SCHEMA, request -> store.get(request.payload())));
 *
 *   Reply found = bus.request("attic:get", "{\"app\":\"demo\",\"key\":\"colour\"}").get(2, SECONDS);
 *   bus.subscribe("host/+/cpu", reading -> System.out.println(reading.topic() + " " + reading.payload()));
 * }
 * }</pre>
 *
 * <p>Safe for use by several threads at once. Handlers and callbacks run on the client's executor, see {@link
 * BuslaneBuilder#executor}; those of one subscription run one after another. The client comes back by itself after a
 * lost connection, with everything that is registered and subscribed.
 *
 * <p>Close it. One that is forgotten is closed when it is garbage collected, with a warning to the logger {@code
 * io.buslane}; that cannot be while something is registered, subscribed or awaited.
 *
 * <p>Unless it says otherwise, no method takes or returns null. A method that waits throws {@link BuslaneException} with
 * {@link ErrorCode#CANCELLED} if its thread is interrupted, and leaves the thread interrupted.
 */
public final class Buslane implements AutoCloseable {
  /** How many messages a publisher of a subscription lets the broker send ahead, unless told otherwise. */
  private static final int PUBLISHER_CREDIT = 256;

  private static final Cleaner CLEANER = Cleaner.create();

  private final Core core;
  private final Cleaner.Cleanable forgotten;

  private Buslane(Core core) {
    this.core = core;
    this.forgotten = CLEANER.register(this, new Forgotten(core));
  }

  /** Closes a client that nobody can close any more. */
  private record Forgotten(Core core) implements Runnable {
    @Override
    public void run() {
      if (!core.isClosing()) {
        Core.LOG.log(System.Logger.Level.WARNING, "a client was forgotten without being closed: close it");
        core.close();
      }
    }
  }

  /**
   * Connects to the broker that the environment variable {@code BUSLANE_URL} names, else to {@code 127.0.0.1:5959}.
   *
   * @return the client
   * @throws BuslaneException with {@link ErrorCode#UNREACHABLE} if no broker answers within 5 s, with another code if
   *     the broker refuses the client
   */
  public static Buslane connect() {
    return builder().connect();
  }

  /**
   * Connects to a broker.
   *
   * @param url where it is, see {@link BuslaneBuilder#url}
   * @return the client
   * @throws BuslaneException as {@link #connect()} does
   */
  public static Buslane connect(String url) {
    return builder().url(url).connect();
  }

  /**
   * Begins a client of which more is to be said.
   *
   * @return a builder
   */
  public static BuslaneBuilder builder() {
    return new BuslaneBuilder();
  }

  static Buslane connected(Core core) {
    Buslane client = new Buslane(core);
    BusFuture<Long> connecting = core.expect(client, Core.CONNECTING);
    Poller.start(core);
    try {
      Core.await(connecting);
    } catch (BuslaneException refused) {
      client.close();
      throw refused;
    }
    return client;
  }

  /**
   * Registers a service, and waits until the broker has accepted it. Without a connection this returns at once: the
   * registration is remembered, and {@link #onReport} tells if it is refused later.
   *
   * @param service what to register
   * @return the registration
   * @throws BuslaneException if the broker refuses it
   */
  public Registration register(Service service) {
    long number = core.newNumber();
    BlockWriter operation = BlockWriter.of(Operation.REGISTER).number(number);
    service.write(operation, core.codec);
    // Requests may come in before the registration is known here to be accepted.
    core.services.put(number, new HostedService(core, service.methods(), this));
    Registration registration = new Registration(this, core, number, service.name());
    BusFuture<Long> accepted = core.begin(this, number, operation);
    try {
      // One that is not waited for any more may be accepted all the same, and is taken back then.
      Core.await(accepted, () -> accepted.thenRun(registration::drop));
    } catch (BuslaneException refused) {
      if (accepted.isCompletedExceptionally()) {
        core.services.remove(number);
      }
      throw refused;
    }
    return registration;
  }

  /**
   * Sends a request without a payload.
   *
   * @param address whom to ask what: {@code service:method} or {@code service#instance:method}
   * @return the reply, or a {@link BuslaneException}; cancelling it cancels the request on the bus
   */
  public CompletableFuture<Reply> request(String address) {
    return request(Call.to(address));
  }

  /**
   * Sends a request.
   *
   * @param address whom to ask what: {@code service:method} or {@code service#instance:method}
   * @param payload what to send, taken as {@link Body} says; may be null
   * @return the reply, or a {@link BuslaneException}; cancelling it cancels the request on the bus
   */
  public CompletableFuture<Reply> request(String address, Object payload) {
    return request(Call.to(address).payload(payload));
  }

  /**
   * Sends a request.
   *
   * @param call the request
   * @return the reply, or a {@link BuslaneException}; cancelling it cancels the request on the bus
   */
  public CompletableFuture<Reply> request(Call call) {
    return begin(core.newNumber(), number -> call.write(number, Call.Shape.ONE, core.codec));
  }

  /**
   * Sends a request to several instances, and gathers what they answer. It ends at the deadline at the latest.
   *
   * @param call the request
   * @return the answers, or a {@link BuslaneException} if the request failed as a whole; cancelling it cancels the
   *     request on the bus
   */
  public CompletableFuture<GatheredReplies> gather(Call call) {
    return gather(call, answer -> {});
  }

  /**
   * Sends a request to several instances, tells what each answers as it comes, and gathers it.
   *
   * @param call the request
   * @param onAnswer is told each answer, one after another
   * @return the answers, or a {@link BuslaneException} if the request failed as a whole; cancelling it cancels the
   *     request on the bus
   */
  public CompletableFuture<GatheredReplies> gather(Call call, Consumer<? super Gathered> onAnswer) {
    long number = core.newNumber();
    core.gatherings.put(number, new Gathering(core, onAnswer));
    return begin(number, known -> call.write(known, Call.Shape.GATHERED, core.codec));
  }

  /**
   * Makes a publisher of the parts that a request is answered with. Each subscriber sends a request of its own; the
   * callee sends no faster than the subscriber asks, and hears of it when the subscriber cancels.
   *
   * @param call the request
   * @return the publisher
   */
  public Flow.Publisher<Reply> stream(Call call) {
    return subscriber -> {
      Objects.requireNonNull(subscriber, "subscriber");
      long number = core.newNumber();
      var inflow = new PushedInflow<Reply>(core, number, subscriber, gap -> {}, Inflow.WINDOW, this);
      open(number, inflow, known -> call.write(known, Call.Shape.STREAM, core.codec));
    };
  }

  /**
   * Sends a request that is answered in parts, for a thread that waits for each. The callee sends no faster than they
   * are taken. Close the iterator to cancel the request.
   *
   * @param call the request
   * @return the parts
   * @throws BuslaneException if it cannot be sent; what goes wrong later, the iterator throws
   */
  public BusIterator<Reply> iterate(Call call) {
    long number = core.newNumber();
    BlockWriter operation = call.write(number, Call.Shape.STREAM, core.codec);
    BusIterator<Reply> parts = new BusIterator<>(this, core, number);
    core.inflows.put(number, parts);
    submit(number, operation);
    return parts;
  }

  /**
   * Publishes a message. Waits while very much is on its way to the broker, and for nothing else.
   *
   * @param topic where to publish it
   * @param payload what to send, taken as {@link Body} says; may be null
   * @throws BuslaneException if it cannot be sent; if the broker refuses it later, {@link #onReport} tells
   */
  public void publish(String topic, Object payload) {
    publish(Publication.on(topic).payload(payload));
  }

  /**
   * Publishes a message. Waits while very much is on its way to the broker, and for nothing else.
   *
   * @param publication the message
   * @throws BuslaneException if it cannot be sent; if the broker refuses it later, {@link #onReport} tells
   */
  public void publish(Publication publication) {
    try {
      core.submit(publication.write(core.codec));
    } catch (BuslaneException refused) {
      // Offline, the queue is full for as long as there is no connection; online, for a moment.
      if (refused.code() != ErrorCode.QUEUE_FULL || !isConnected()) {
        throw refused;
      }
      Core.await(publishAwaited(publication, false));
    }
  }

  /**
   * Publishes a message, and hears of the broker when it has routed it.
   *
   * @param publication the message
   * @return how many clients it was routed to, none is no error; or a {@link BuslaneException}
   */
  public CompletableFuture<Long> publishAcknowledged(Publication publication) {
    return publishAwaited(publication, true);
  }

  /**
   * Subscribes, and waits until the broker has accepted it. Without a connection this returns at once: the subscription
   * is remembered, and {@link #onReport} tells if it is refused later.
   *
   * @param filter a topic in which {@code +} stands for one level and {@code #}, at the end, for the rest
   * @param onMessage is told each message, one after another; what it throws is logged, and ends the subscription
   * @return the subscription
   * @throws BuslaneException if the broker refuses it
   */
  public Subscription subscribe(String filter, Consumer<? super Message> onMessage) {
    return subscribe(Subscribe.to(filter), onMessage);
  }

  /**
   * Subscribes, as {@link #subscribe(String, Consumer)} does.
   *
   * @param subscribe what to subscribe to, and how
   * @param onMessage is told each message, one after another; what it throws is logged, and ends the subscription
   * @return the subscription
   * @throws BuslaneException if the broker refuses it
   */
  public Subscription subscribe(Subscribe subscribe, Consumer<? super Message> onMessage) {
    return listen(
        new CallbackSubscriber<Message>(onMessage),
        subscribe.gapListener(),
        subscribe.window(),
        number -> subscribe.write(number, 0));
  }

  /**
   * Makes a publisher of messages. Each subscriber makes a subscription of its own, and takes no more than it asks for:
   * what does not fit waits at the broker, and gives way there by the overflow rule.
   *
   * @param subscribe what to subscribe to, and how
   * @return the publisher; it fails if the broker refuses the subscription
   */
  public Flow.Publisher<Message> messages(Subscribe subscribe) {
    return subscriber -> {
      Objects.requireNonNull(subscriber, "subscriber");
      long number = core.newNumber();
      var inflow =
          new PushedInflow<Message>(core, number, subscriber, subscribe.gapListener(), Inflow.WINDOW, this);
      open(number, inflow, known -> subscribe.write(known, PUBLISHER_CREDIT));
    };
  }

  /**
   * Subscribes, for a thread that waits for each message. Close the iterator to end the subscription.
   *
   * @param subscribe what to subscribe to, and how
   * @return the messages
   * @throws BuslaneException if the broker refuses it
   */
  public BusIterator<Message> iterate(Subscribe subscribe) {
    long number = core.newNumber();
    var messages = new BusIterator<Message>(this, core, number, subscribe);
    core.inflows.put(number, messages);
    accepted(number, subscribe.write(number, 0));
    return messages;
  }

  /**
   * Watches services come and go: those that are there first, then the changes.
   *
   * @param listener is told each event, one after another; what it throws is logged, and ends the watch
   * @return the watch
   */
  public Subscription onPresence(Consumer<? super PresenceEvent> listener) {
    return listen(
        new CallbackSubscriber<PresenceEvent>(listener),
        gap -> {},
        Inflow.WINDOW,
        number -> BlockWriter.of(Operation.PRESENCE).number(number));
  }

  /**
   * Watches the connection, from its present state on.
   *
   * @param listener is told each state, one after another
   * @return ends the watch when it is closed
   */
  public Watch onState(Consumer<? super ConnectionState> listener) {
    synchronized (core.states) {
      return core.states.add(listener, core.state);
    }
  }

  /**
   * Watches what goes wrong outside any call, from now on.
   *
   * @param listener is told each report, one after another
   * @return ends the watch when it is closed
   */
  public Watch onReport(Consumer<? super Report> listener) {
    return core.reports.add(listener, null);
  }

  /**
   * Returns where the connection stands.
   *
   * @return the state
   */
  public ConnectionState state() {
    return core.state;
  }

  /**
   * Tells whether the broker has accepted the client and the connection stands.
   *
   * @return whether it does
   */
  public boolean isConnected() {
    return core.state.kind() == ConnectionState.Kind.CONNECTED
        || core.state.kind() == ConnectionState.Kind.DRAINING;
  }

  /**
   * Waits until the broker has processed everything that this client did before.
   *
   * @throws BuslaneException if the connection was lost meanwhile
   */
  public void flush() {
    long number = core.newNumber();
    Core.await(core.begin(this, number, BlockWriter.of(Operation.FLUSH).number(number)));
  }

  /**
   * Leaves the bus: what was sent before is written out, registrations end, everything that is still awaited fails with
   * {@link ErrorCode#CLOSED}. Closing again does nothing.
   */
  @Override
  public void close() {
    core.close();
    core.awaitEnd();
    forgotten.clean();
  }

  private CompletableFuture<Long> publishAwaited(Publication publication, boolean acknowledged) {
    return begin(core.newNumber(), number -> publication.write(number, acknowledged, core.codec));
  }

  /** Begins an operation; what cannot be written fails its future, as everything else does that goes wrong with it. */
  private <T> CompletableFuture<T> begin(long number, Function<Long, BlockWriter> operation) {
    BlockWriter written;
    try {
      written = operation.apply(number);
    } catch (BuslaneException unwritable) {
      core.gatherings.remove(number);
      return CompletableFuture.failedFuture(unwritable);
    }
    return core.begin(this, number, written);
  }

  /** Subscribes for a callback, and waits until it is accepted. */
  private <T> Subscription listen(
      Flow.Subscriber<T> subscriber, Consumer<? super Gap> onGap, int window, Function<Long, BlockWriter> operation) {
    long number = core.newNumber();
    var inflow = new PushedInflow<T>(core, number, subscriber, onGap, window, this);
    core.inflows.put(number, inflow);
    accepted(number, operation.apply(number));
    inflow.begin();
    return new Subscription(this, inflow);
  }

  /** Waits until a source is accepted, and forgets it if it is not. */
  private void accepted(long number, BlockWriter operation) {
    BusFuture<Long> accepted = core.begin(this, number, operation);
    try {
      Core.await(accepted);
    } catch (BuslaneException refused) {
      core.inflows.remove(number);
      throw refused;
    }
  }

  /** Begins a source for a subscriber, who hears of whatever goes wrong. */
  private void open(long number, PushedInflow<?> inflow, Function<Long, BlockWriter> operation) {
    core.inflows.put(number, inflow);
    try {
      core.submit(operation.apply(number));
    } catch (BuslaneException refused) {
      inflow.end(refused);
    }
    inflow.begin();
  }

  private void submit(long number, BlockWriter operation) {
    try {
      core.submit(operation);
    } catch (BuslaneException refused) {
      core.inflows.remove(number);
      throw refused;
    }
  }
}
