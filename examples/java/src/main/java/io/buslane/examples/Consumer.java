package io.buslane.examples;

import io.buslane.BusIterator;
import io.buslane.Buslane;
import io.buslane.BuslaneException;
import io.buslane.Call;
import io.buslane.Reply;
import java.util.Map;
import java.util.concurrent.CompletionException;

/** A consumer: calls the attic, follows an answer in parts, and shows what errors look like. */
public final class Consumer {
  private record Found(String value) {}

  private record Change(String key, String value) {}

  private Consumer() {}

  /**
   * Runs the program.
   *
   * @param arguments none
   */
  public static void main(String[] arguments) throws Exception {
    Ending.run("consumer", Consumer::call);
  }

  private static void call(Buslane bus) {
    set(bus, "green");
    get(bus, "attic:get", "get colour", Map.of("app", "demo", "key", "colour"));
    get(bus, "attic:get", "get shape", Map.of("app", "demo", "key", "shape")); // of which the service has none
    get(bus, "attic:get", "get without a key", Map.of("app", "demo")); // which the broker refuses by the schema
    get(bus, "attic:get", "get with a wrong key", Map.of("app", "demo", "key", 7));

    Call watch = Call.to("attic:watch").payload(Map.of("app", "demo"));
    try (BusIterator<Reply> changes = bus.iterate(watch)) { // which the service hears of when it is closed
      while (changes.hasNext()) {
        Change change = changes.next().payloadAs(Change.class);
        System.out.println("watch demo: " + change.key + " is " + change.value);
        if (!change.value.equals("green")) {
          break;
        }
        set(bus, "blue");
      }
    }

    get(bus, "cellar:get", "cellar", Map.of());
  }

  private static void set(Buslane bus, String colour) {
    bus.request("attic:set", Map.of("app", "demo", "key", "colour", "value", colour)).join();
    System.out.println("set colour: " + colour);
  }

  private static void get(Buslane bus, String address, String what, Object input) {
    try {
      System.out.println(what + ": " + bus.request(address, input).join().payloadAs(Found.class).value);
    } catch (CompletionException failed) {
      System.out.println(what + ": " + shown((BuslaneException) failed.getCause()));
    }
  }

  /** Shows an error by its code, which is for programs, where it is, and what people read. */
  private static String shown(BuslaneException failure) {
    String place = failure.pointer().map(pointer -> " at \"" + pointer + "\"").orElse("");
    String detail = failure.problem().detail();
    return failure.word() + place + ": " + (detail == null ? failure.problem().title() : detail);
  }
}
