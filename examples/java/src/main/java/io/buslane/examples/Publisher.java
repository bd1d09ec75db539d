package io.buslane.examples;

import io.buslane.BuslaneException;
import io.buslane.Publication;
import io.buslane.Service;
import io.buslane.TopicContract;
import java.util.Map;
import java.util.concurrent.CompletionException;

/** A publisher: declares the contract of a topic and publishes readings on it, of which the bus keeps the last. */
public final class Publisher {
  private static final String TOPIC = "room/kitchen/temperature";
  private static final String SCHEMA =
      """
      {"type": "object", "required": ["celsius"], "properties": {"celsius": {"type": "number"}}}""";

  private record Reading(double celsius) {}

  private Publisher() {}

  /**
   * Runs the program.
   *
   * @param arguments none
   */
  public static void main(String[] arguments) throws Exception {
    Ending.run(
        "thermometer",
        bus -> {
          bus.register(
              Service.named("thermometer")
                  .version("1.0.0")
                  .topic(TopicContract.of(TOPIC).schema(SCHEMA).retained())
                  .method("read", request -> new Reading(22.75)));
          System.out.println("thermometer is registered");
          for (double celsius : new double[] {20.5, 21.25, 22.75}) {
            bus.publishAcknowledged(Publication.on(TOPIC).payload(new Reading(celsius))).join();
            System.out.println("published " + celsius);
          }
          // What breaks the contract reaches nobody.
          try {
            bus.publishAcknowledged(Publication.on(TOPIC).payload(Map.of("celsius", "warm"))).join();
          } catch (CompletionException failed) {
            BuslaneException failure = (BuslaneException) failed.getCause();
            System.out.println("refused: " + failure.word() + " at \"" + failure.pointer().orElse("") + "\"");
          }
          Ending.await();
        });
  }
}
