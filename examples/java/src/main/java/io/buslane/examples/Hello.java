package io.buslane.examples;

import io.buslane.BusIterator;
import io.buslane.Buslane;
import io.buslane.Message;
import io.buslane.Subscribe;

/** The program of the page on getting started: calls a service, listens, and publishes. */
public final class Hello {
  private Hello() {}

  /**
   * Runs the program.
   *
   * @param arguments none
   */
  public static void main(String[] arguments) throws Exception {
    try (Buslane bus = Buslane.connect()) { // BUSLANE_URL, else 127.0.0.1:5959
      String key = "{\"app\": \"demo\", \"key\": \"colour\"}";
      System.out.println("attic says " + bus.request("attic:get", key).get().payload());

      try (BusIterator<Message> temperatures = bus.iterate(Subscribe.to("room/+/temperature"))) {
        bus.publish("room/attic/temperature", "{\"celsius\": 19}");
        Message heard = temperatures.next();
        System.out.println(heard.topic() + " " + heard.payload());
      }
    }
  }
}
