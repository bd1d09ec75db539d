package io.buslane.scenarios;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.buslane.Buslane;
import io.buslane.BuslaneBuilder;
import io.buslane.BuslaneException;
import io.buslane.Call;
import io.buslane.ConnectionState;
import io.buslane.Overflow;
import io.buslane.Publication;
import io.buslane.Registration;
import io.buslane.Reply;
import io.buslane.Subscribe;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** One client of a scenario: does what steps say, and keeps what comes until a step expects it. */
final class Actor {
  /** How long an action may take before the scenario has failed. */
  private static final long LONGEST_ACTION_S = 30;

  private final Buslane client;
  private final Relay link;
  private final ExecutorService executor;
  private final Handlers handlers = new Handlers();
  private final Map<String, Registration> registrations = new HashMap<>();
  private final Map<String, BlockingQueue<JsonNode>> leaving = new HashMap<>();
  private final Map<String, Taken> subscriptions = new HashMap<>();
  private final Map<String, Asked> requests = new HashMap<>();
  private final BlockingQueue<JsonNode> reports = new LinkedBlockingQueue<>();
  private final BlockingQueue<ConnectionState> states = new LinkedBlockingQueue<>();
  private JsonNode standing = Items.bare("state");

  private record Asked(BlockingQueue<JsonNode> outcomes, List<Runnable> cancels) {}

  private Actor(Buslane client, Relay link, ExecutorService executor) {
    this.client = client;
    this.link = link;
    this.executor = executor;
    client.onReport(report -> reports.add(Items.of(report)));
    client.onState(states::add);
  }

  /** Connects, with an executor that keeps the order in which things come. */
  static Actor connect(BuslaneBuilder builder, Relay link) {
    ExecutorService executor =
        Executors.newSingleThreadExecutor(
            work -> {
              Thread thread = new Thread(work, "actor");
              thread.setDaemon(true);
              return thread;
            });
    return new Actor(builder.executor(executor).connect(), link, executor);
  }

  void close() {
    client.close();
    executor.shutdown();
  }

  /** Does what a step says, until it is done as the format defines. */
  void act(JsonNode step) throws Exception {
    switch (step.get("do").asText()) {
      case "register" -> register(step);
      case "unregister" -> unregister(step.get("name").asText(), step.path("drain").asBoolean());
      case "subscribe" -> subscribe(step);
      case "unsubscribe" -> subscriptions.remove(step.get("subscription").asText()).close();
      case "publish" -> publish(step);
      case "request" -> request(step);
      case "cancel" -> requests.remove(step.get("request").asText()).cancels.forEach(Runnable::run);
      case "answer" -> handlers.answer(step.get("method").asText(), step.get("with"));
      // Nothing is taken from a subscription but by an expectation.
      case "pause", "resume" -> {}
      case "flush" -> client.flush();
      case "disconnect" ->
          link.set(step.path("unnoticed_by_broker").asBoolean() ? Relay.Mode.HALF_CUT : Relay.Mode.CUT);
      case "reconnect" -> {
        link.set(Relay.Mode.OPEN);
        waitFor("connected", LONGEST_ACTION_S * 1000);
        client.flush();
      }
      case "freeze" -> link.set(Relay.Mode.FROZEN);
      case "thaw" -> link.set(Relay.Mode.OPEN);
      case "close" -> client.close();
      default -> throw new AssertionError("this runner does not know how to do it");
    }
  }

  /** Waits for the next thing of a queue. Null if none comes in time. */
  JsonNode next(JsonNode expectation, long milliseconds) throws InterruptedException {
    return switch (expectation.get("expect").asText()) {
      case "delivery", "gap" -> subscription(expectation.get("on").asText()).next(milliseconds);
      case "invoked" -> poll(Handlers.queue(handlers.invocations, expectation.get("method").asText()), milliseconds);
      case "withdrawn" ->
          poll(Handlers.queue(handlers.withdrawals, expectation.get("method").asText()), milliseconds);
      case "unregistered" -> poll(leaving.get(expectation.get("name").asText()), milliseconds);
      case "report" -> poll(reports, milliseconds);
      case "state" -> waitFor(expectation.get("state").asText(), milliseconds);
      default -> poll(requests.get(expectation.get("of").asText()).outcomes, milliseconds);
    };
  }

  Taken subscription(String label) {
    return subscriptions.get(label);
  }

  /** Finds what came and was not expected. */
  List<String> leftOver() {
    if (client.isConnected()) {
      // What the broker sent before is here when its answer is; what is fetched then, when the next one is.
      client.flush();
      subscriptions.values().forEach(Taken::want);
      client.flush();
    }
    List<String> left = new ArrayList<>();
    subscriptions.forEach((label, taken) -> note(left, "subscription " + label, taken.left()));
    requests.forEach((label, asked) -> note(left, "request " + label, asked.outcomes.peek()));
    return left;
  }

  /** Holds how an action failed against the error that it should have, if any. */
  static void check(BuslaneException failure, JsonNode expected) {
    if (failure == null && expected != null) {
      throw new AssertionError("it should have failed with " + expected);
    } else if (failure != null && expected == null) {
      throw new AssertionError("it failed: " + Items.of(failure.problem()), failure);
    } else if (failure != null) {
      List<String> wrong = Matcher.differences(expected, Items.of(failure.problem()));
      if (!wrong.isEmpty()) {
        throw new AssertionError("the error differs: " + wrong, failure);
      }
    }
  }

  private static JsonNode poll(BlockingQueue<JsonNode> queue, long milliseconds) throws InterruptedException {
    return queue.poll(milliseconds, TimeUnit.MILLISECONDS);
  }

  private static void note(List<String> left, String where, JsonNode item) {
    if (item != null && !item.get("expect").asText().equals("nothing more")) {
      left.add(where + " has " + item);
    }
  }

  private JsonNode waitFor(String wanted, long milliseconds) throws InterruptedException {
    long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(milliseconds);
    for (ConnectionState state = states.poll(); state != null; state = states.poll()) {
      standing = of(state);
    }
    while (!standing.path("state").asText().equals(wanted)) {
      ConnectionState state = states.poll(end - System.nanoTime(), TimeUnit.NANOSECONDS);
      if (state == null) {
        return standing;
      }
      standing = of(state);
    }
    return standing;
  }

  private static JsonNode of(ConnectionState state) {
    ObjectNode item = Items.bare("state");
    switch (state.kind()) {
      case CONNECTED, DRAINING -> item.put("state", "connected").putNull("error");
      case TAKEN_OVER, CLOSED ->
          item.put("state", "ended").putObject("error").put("code", state.kind().name().toLowerCase(Locale.ROOT));
      case REFUSED -> item.put("state", "ended").set("error", Items.of(state.problem()));
      default -> item.put("state", "disconnected").putNull("error");
    }
    return item;
  }

  private void register(JsonNode step) {
    JsonNode declaration = step.get("registration");
    BuslaneException failure = null;
    String report = null;
    try {
      Registration made = client.register(handlers.build(declaration, step.path("handlers")));
      report = made.compatibility().orElse(null);
      registrations.put(declaration.get("name").asText(), made);
    } catch (BuslaneException refused) {
      failure = refused;
    }
    if (step.has("compatibility")) {
      JsonNode found = report == null ? Items.JSON.nullNode() : Items.parse(report);
      if (!Matcher.matches(step.get("compatibility"), found)) {
        throw new AssertionError("compatibility: expected " + step.get("compatibility") + ", found " + found);
      }
    }
    check(failure, step.get("fails"));
  }

  private void unregister(String name, boolean drain) {
    Registration registration = registrations.remove(name);
    if (!drain) {
      registration.unregister();
      return;
    }
    BlockingQueue<JsonNode> end = new LinkedBlockingQueue<>();
    leaving.put(name, end);
    registration
        .drain()
        .whenComplete((done, failure) -> end.add(Items.bare(failure == null ? "unregistered" : "not unregistered")));
  }

  private void subscribe(JsonNode step) {
    Subscribe subscribe = Subscribe.to(step.get("filter").asText());
    if (step.has("shared")) {
      subscribe.shared(step.get("shared").asText());
    }
    if (step.has("overflow")) {
      subscribe.overflow(Overflow.valueOf(step.get("overflow").asText().toUpperCase(Locale.ROOT)));
    }
    if (step.has("credit")) {
      subscribe.credit(step.get("credit").asInt());
    }
    BuslaneException failure = null;
    try {
      subscriptions.put(step.get("as").asText(), new Taken(client, subscribe));
    } catch (BuslaneException refused) {
      failure = refused;
    }
    check(failure, step.get("fails"));
  }

  private void publish(JsonNode step) throws Exception {
    for (int index = 0; index < step.path("repeat").asInt(1); index++) {
      Long receivers = null;
      BuslaneException failure = null;
      try {
        if (step.has("receivers") || step.has("fails")) {
          receivers = client.publishAcknowledged(publication(step)).get(LONGEST_ACTION_S, TimeUnit.SECONDS);
        } else {
          client.publish(publication(step));
        }
      } catch (ExecutionException failed) {
        failure = (BuslaneException) failed.getCause();
      } catch (BuslaneException refused) {
        failure = refused;
      }
      check(failure, step.get("fails"));
      if (step.has("receivers") && !Matcher.matches(step.get("receivers"), Items.JSON.valueToTree(receivers))) {
        throw new AssertionError("receivers: expected " + step.get("receivers") + ", found " + receivers);
      }
    }
  }

  private static Publication publication(JsonNode step) {
    Publication publication = Publication.on(step.get("topic").asText()).payload(Items.body(step));
    switch (step.path("retain").asText()) {
      case "set" -> {
        if (step.has("retain_ms")) {
          publication.retainFor(Duration.ofMillis(step.get("retain_ms").asLong()));
        } else {
          publication.retain();
        }
      }
      case "clear" -> publication.clearRetained();
      default -> {}
    }
    if (step.path("exclude_self").asBoolean()) {
      publication.excludeSelf();
    }
    headers(step).forEach(publication::header);
    return publication;
  }

  private static Map<String, String> headers(JsonNode step) {
    Map<String, String> headers = new HashMap<>();
    step.path("headers").properties().forEach(header -> headers.put(header.getKey(), header.getValue().asText()));
    step.path("content")
        .properties()
        .forEach(member -> headers.put(":" + member.getKey().replace('_', '-'), member.getValue().asText()));
    if (step.has("content_type") && !step.has("payload_base64")) {
      headers.put(":content-type", step.get("content_type").asText());
    }
    return headers;
  }

  private void request(JsonNode step) {
    Asked asked = new Asked(new LinkedBlockingQueue<>(), new ArrayList<>());
    for (int index = 0; index < step.path("repeat").asInt(1); index++) {
      send(step, asked);
    }
    requests.put(step.get("as").asText(), asked);
  }

  private void send(JsonNode step, Asked asked) {
    JsonNode to = step.get("to");
    List<String> targets = new ArrayList<>();
    (to.isArray() ? to : List.of(to)).forEach(target -> targets.add(target.asText()));
    Call call = Call.to(targets.toArray(String[]::new)).payload(Items.body(step));
    if (step.has("expires_in_ms")) {
      JsonNode time = step.get("expires_in_ms");
      call = time.isNull() ? call.withoutTimeout() : call.timeout(Duration.ofMillis(time.asLong()));
    }
    headers(step).forEach(call::header);
    if (to.isArray() || to.asText().contains("@") || to.asText().contains("*")) {
      gather(call, asked);
    } else if (step.path("stream").asBoolean()) {
      client.stream(call).subscribe(new Chunks(asked));
    } else {
      CompletableFuture<Reply> reply = client.request(call);
      asked.cancels.add(() -> reply.cancel(false));
      reply.whenComplete(
          (came, failure) -> add(asked, failure == null ? Items.of("reply", came) : failed(failure)));
    }
  }

  private void gather(Call call, Asked asked) {
    var all = client.gather(call, one -> add(asked, Items.of(one)));
    asked.cancels.add(() -> all.cancel(false));
    all.whenComplete(
        (came, failure) -> {
          if (failure != null) {
            add(asked, failed(failure));
            return;
          }
          ObjectNode end = Items.bare("end").put("expected", came.expected());
          add(asked, end.put("replied", came.replied()).put("failed", came.failed()));
        });
  }

  private static JsonNode failed(Throwable failure) {
    Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
    return cause instanceof BuslaneException known ? Items.of(known) : null;
  }

  /** Keeps an outcome; a request that this side cancelled has none. */
  private static void add(Asked asked, JsonNode item) {
    if (item != null) {
      asked.outcomes.add(item);
    }
  }

  private record Chunks(Asked asked) implements Flow.Subscriber<Reply> {
    @Override
    public void onSubscribe(Flow.Subscription subscription) {
      asked.cancels.add(subscription::cancel);
      subscription.request(Long.MAX_VALUE);
    }

    @Override
    public void onNext(Reply part) {
      add(asked, Items.of("chunk", part));
    }

    @Override
    public void onError(Throwable failure) {
      add(asked, failed(failure));
    }

    @Override
    public void onComplete() {
      add(asked, Items.bare("end"));
    }
  }
}
