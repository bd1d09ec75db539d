package io.buslane.scenarios;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.buslane.Buslane;
import io.buslane.BuslaneBuilder;
import io.buslane.BuslaneException;
import io.buslane.TestBroker;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Plays one scenario: starts the broker, connects the clients, takes the steps. */
final class Stage implements AutoCloseable {
  /** A way on which a scenario is played. */
  enum Road {
    TCP,
    TCP_JSON,
    UNIX,
    WEBSOCKET,
    WEBSOCKET_JSON
  }

  private static final Set<String> NOT_COMPARED = Set.of("client", "on", "of", "method", "name", "why", "within_ms");
  private static final Set<String> SUBSETS = Set.of("error", "headers", "content");

  private final Road road;
  private final TestBroker broker;
  private final Path folder;
  private final Map<String, Relay> links = new HashMap<>();
  private final Map<String, Actor> actors = new HashMap<>();

  private Stage(JsonNode scenario, Road road) throws Exception {
    this.road = road;
    this.folder = Files.createTempDirectory("buslane-links-");
    Map<String, String> options = new HashMap<>();
    scenario
        .path("broker")
        .properties()
        .forEach(
            section ->
                section
                    .getValue()
                    .properties()
                    .forEach(
                        key ->
                            options.put(
                                ("BUSLANE_" + section.getKey() + "_" + key.getKey()).toUpperCase(),
                                key.getValue().asText())));
    this.broker = new TestBroker(options);
  }

  static void play(JsonNode scenario, Road road) throws Exception {
    try (Stage stage = new Stage(scenario, road)) {
      Set<String> unconnected = new HashSet<>();
      scenario.path("unconnected").forEach(label -> unconnected.add(label.asText()));
      for (JsonNode label : scenario.get("clients")) {
        stage.link(label.asText());
        if (!unconnected.contains(label.asText())) {
          stage.connect(label.asText(), stage.dialling(label.asText()));
        }
      }
      int number = 0;
      for (JsonNode step : scenario.get("steps")) {
        number++;
        try {
          stage.take(step);
        } catch (Exception | AssertionError failure) {
          throw new AssertionError("step " + number + ": " + step + "\n  " + failure.getMessage(), failure);
        }
      }
      stage.lookForLeftOvers();
    }
  }

  @Override
  public void close() throws Exception {
    for (Relay link : links.values()) {
      link.close();
    }
    broker.close();
    actors.values().forEach(Actor::close);
    try (var files = Files.list(folder)) {
      files.forEach(file -> file.toFile().delete());
    }
    Files.delete(folder);
  }

  private void link(String label) throws Exception {
    Path socket = road == Road.UNIX ? folder.resolve(label) : null;
    links.put(label, new Relay(broker::port, socket));
  }

  private BuslaneBuilder dialling(String label) throws Exception {
    BuslaneBuilder builder = Buslane.builder().name(label).backoff(Duration.ofMillis(5), Duration.ofMillis(50));
    // A busy machine is no failure.
    builder.connectTimeout(Duration.ofSeconds(60));
    switch (road) {
      case UNIX -> builder.url("buslane+unix://" + folder.resolve(label));
      case TCP, TCP_JSON -> builder.url("buslane://127.0.0.1:" + links.get(label).port());
      default -> builder.url("ws://127.0.0.1:" + links.get(label).port());
    }
    return road == Road.TCP_JSON || road == Road.WEBSOCKET_JSON ? builder.json() : builder;
  }

  private void connect(String label, BuslaneBuilder builder) {
    actors.put(label, Actor.connect(builder, links.get(label)));
  }

  private void take(JsonNode step) throws Exception {
    if (step.has("any_order")) {
      List<JsonNode> open = new ArrayList<>();
      step.get("any_order").forEach(open::add);
      expect(open);
    } else if (step.path("expect").asText().equals("tally")) {
      tally(step);
    } else if (step.has("expect")) {
      expect(new ArrayList<>(List.of(step)));
    } else if (!step.has("client")) {
      change(step);
    } else if (step.get("do").asText().equals("connect")) {
      connect(step);
    } else {
      actors.get(step.get("client").asText()).act(step);
    }
  }

  private void change(JsonNode step) throws Exception {
    if (step.get("do").asText().equals("start_broker")) {
      broker.start();
    } else if (step.get("how").asText().equals("kill")) {
      broker.kill();
    } else {
      broker.drain();
    }
  }

  private void connect(JsonNode step) throws Exception {
    String label = step.get("client").asText();
    BuslaneBuilder builder = dialling(label);
    if (step.path("lazy").asBoolean()) {
      builder.lazy();
    }
    if (step.has("timeout_ms")) {
      builder.connectTimeout(Duration.ofMillis(step.get("timeout_ms").asLong()));
    }
    BuslaneException failure = null;
    try {
      connect(label, builder);
    } catch (BuslaneException refused) {
      failure = refused;
    }
    Actor.check(failure, step.get("fails"));
  }

  /** Meets expectations, in whatever order things come. */
  private void expect(List<JsonNode> open) throws InterruptedException {
    while (!open.isEmpty()) {
      JsonNode first = open.get(0);
      String client = first.get("client").asText();
      long bound = first.path("within_ms").asLong(10_000);
      JsonNode item = actors.get(client).next(first, bound);
      if (item == null) {
        throw new AssertionError("nothing came within " + bound + " ms for " + first);
      }
      boolean met =
          open.removeIf(
              new java.util.function.Predicate<>() {
                private boolean done;

                @Override
                public boolean test(JsonNode expectation) {
                  done = !done && isOfQueue(expectation, first) && differences(expectation, item).isEmpty();
                  return done;
                }
              });
      if (!met) {
        throw new AssertionError("something else came: " + differences(first, item) + "\n  it is " + item);
      }
    }
  }

  private static boolean isOfQueue(JsonNode expectation, JsonNode other) {
    return queue(expectation).equals(queue(other));
  }

  private static String queue(JsonNode expectation) {
    String kind = expectation.get("expect").asText();
    String place =
        switch (kind) {
          case "delivery", "gap" -> "on " + expectation.get("on");
          case "invoked", "withdrawn" -> kind + expectation.get("method");
          case "unregistered" -> kind + expectation.get("name");
          case "report", "state" -> kind;
          default -> "of " + expectation.get("of");
        };
    return expectation.get("client").asText() + " " + place;
  }

  private static List<String> differences(JsonNode expectation, JsonNode item) {
    ObjectNode members = expectation.deepCopy();
    members.remove(NOT_COMPARED);
    SUBSETS.forEach(
        name -> {
          if (members.has(name)) {
            members.set(name, Items.JSON.createObjectNode().set("$subset", members.get(name)));
          }
        });
    return Matcher.differences(members, item);
  }

  /** Adds up what several subscriptions yield. */
  private void tally(JsonNode step) throws InterruptedException {
    List<JsonNode> came = new ArrayList<>();
    long missing = 0;
    long total = step.get("total").asLong();
    long end = System.nanoTime() + step.path("within_ms").asLong(10_000) * 1_000_000;
    while (came.size() + missing < total) {
      boolean any = false;
      for (JsonNode place : step.get("of")) {
        JsonNode item =
            actors.get(place.get("client").asText()).subscription(place.get("on").asText()).next(SHORT_LOOK_MS);
        any |= item != null;
        if (item == null) {
          continue;
        }
        switch (item.get("expect").asText()) {
          case "gap" -> missing += item.get("count").asLong();
          case "delivery" -> came.add(item.path("payload"));
          default -> throw new AssertionError("the subscription has ended");
        }
      }
      if (!any && System.nanoTime() > end) {
        throw new AssertionError("fewer came than should: " + came.size() + ", and " + missing + " are missing");
      }
    }
    if (step.has("missing") && !Matcher.matches(step.get("missing"), Items.JSON.valueToTree(missing))) {
      throw new AssertionError("missing: expected " + step.get("missing") + ", found " + missing);
    }
    if (step.path("distinct").asBoolean() && new HashSet<>(came).size() != came.size()) {
      throw new AssertionError("something came twice: " + came);
    }
    if (came.size() + missing != total) {
      throw new AssertionError(came.size() + " came and " + missing + " are missing, not " + total);
    }
  }

  private void lookForLeftOvers() {
    List<String> left = new ArrayList<>();
    actors.forEach((label, actor) -> actor.leftOver().forEach(what -> left.add(label + ": " + what)));
    if (!left.isEmpty()) {
      throw new AssertionError("left over at the end: " + left);
    }
  }

  private static final long SHORT_LOOK_MS = 5;
}
