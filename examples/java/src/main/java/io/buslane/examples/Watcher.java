package io.buslane.examples;

import io.buslane.Message;
import io.buslane.PresenceEvent;
import java.util.concurrent.CountDownLatch;

/** A watcher: sees services come and go, and listens to readings, the last ones from before its time included. */
public final class Watcher {
  private record Reading(double celsius) {}

  private Watcher() {}

  /**
   * Runs the program.
   *
   * @param arguments none
   */
  public static void main(String[] arguments) throws Exception {
    Ending.run(
        "watcher",
        bus -> {
          CountDownLatch present = new CountDownLatch(1);
          bus.onPresence(event -> see(event, present));
          present.await();
          bus.subscribe("room/+/temperature", Watcher::hear);
          Ending.await();
        });
  }

  private static void see(PresenceEvent event, CountDownLatch present) {
    switch (event.kind()) {
      case ONLINE -> System.out.println(event.service() + (event.snapshot() ? " is there" : " came"));
      case OFFLINE -> System.out.println(event.service() + " went");
      case SNAPSHOT_END -> {
        System.out.println("nobody else is there");
        present.countDown();
      }
      default -> {}
    }
  }

  private static void hear(Message message) {
    String kept = message.isRetained() ? " (kept)" : "";
    System.out.println(message.topic() + ": " + message.payloadAs(Reading.class).celsius + kept);
  }
}
