package io.buslane.bench;

import io.buslane.Body;
import io.buslane.Buslane;
import io.buslane.Service;
import io.nats.client.Connection;
import io.nats.client.Nats;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.Semaphore;

/**
 * Buslane beside jnats, each with a server of its own that runs already: the median time of one request at a time, and
 * messages a second from one publisher to one subscriber. Rounds alternate after a warm-up; each row is a JSON object.
 */
public final class Bench {
  private static final int ROUNDS = 5;
  private static final int REQUESTS = 10_000;
  private static final int MESSAGES = 400_000;
  private static final int ON_THEIR_WAY = 4_096;
  private static final byte[] PAYLOAD = ("\"" + "x".repeat(126) + "\"").getBytes();

  private Bench() {}

  private interface Step {
    void run() throws Exception;
  }

  /** Runs one side of a comparison, and returns its figure. */
  private interface Side {
    double run() throws Exception;
  }

  /**
   * Runs the comparison.
   *
   * @param arguments the URLs of the broker of Buslane and of nats-server
   */
  public static void main(String[] arguments) throws Exception {
    try (Buslane ours = Buslane.connect(arguments[0]);
        Buslane oursToo = Buslane.connect(arguments[0]);
        Connection theirs = Nats.connect(arguments[1]);
        Connection theirsToo = Nats.connect(arguments[1])) {
      ours.register(Service.named("echo").method("say", request -> request.bytes()));
      theirs.createDispatcher(message -> theirs.publish(message.getReplyTo(), message.getData())).subscribe("echo");
      theirs.flush(Duration.ofSeconds(5));
      Side latency = () -> median(() -> oursToo.request("echo:say", PAYLOAD).get());
      Side theirLatency = () -> median(() -> theirsToo.request("echo", PAYLOAD).get());
      compare("request, p50 in us", latency, theirLatency, true);

      Semaphore room = new Semaphore(ON_THEIR_WAY);
      Body body = Body.json(PAYLOAD);
      ours.subscribe("flood", message -> room.release());
      theirs.createDispatcher(message -> room.release()).subscribe("flood");
      theirs.flush(Duration.ofSeconds(5));
      Side flood = () -> rate(room, () -> oursToo.publish("flood", body));
      Side theirFlood = () -> rate(room, () -> theirsToo.publish("flood", PAYLOAD));
      compare("publish, messages/s", flood, theirFlood, false);
    }
  }

  private static void compare(String row, Side ours, Side theirs, boolean lessIsBetter) throws Exception {
    ours.run();
    theirs.run();
    double[] mine = new double[ROUNDS];
    double[] other = new double[ROUNDS];
    double[] ratios = new double[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
      mine[round] = ours.run();
      other[round] = theirs.run();
      ratios[round] = mine[round] / other[round];
    }
    Arrays.sort(mine);
    Arrays.sort(other);
    Arrays.sort(ratios);
    System.out.printf(
        "{\"row\":\"%s\",\"ours\":%.1f,\"theirs\":%.1f,\"ratio\":%.2f,\"ratio_min\":%.2f,\"ratio_max\":%.2f,"
            + "\"better\":\"%s\"}%n",
        row,
        mine[ROUNDS / 2],
        other[ROUNDS / 2],
        ratios[ROUNDS / 2],
        ratios[0],
        ratios[ROUNDS - 1],
        lessIsBetter ? "less" : "more");
  }

  private static double median(Step request) throws Exception {
    double[] times = new double[REQUESTS];
    for (int number = 0; number < REQUESTS; number++) {
      long start = System.nanoTime();
      request.run();
      times[number] = (System.nanoTime() - start) / 1000.0;
    }
    Arrays.sort(times);
    return times[REQUESTS / 2];
  }

  /** Publishes as fast as the subscriber takes, so that nothing gives way. */
  private static double rate(Semaphore room, Step publish) throws Exception {
    long start = System.nanoTime();
    for (int number = 0; number < MESSAGES; number++) {
      room.acquire();
      publish.run();
    }
    room.acquire(ON_THEIR_WAY);
    double seconds = (System.nanoTime() - start) / 1e9;
    room.release(ON_THEIR_WAY);
    return MESSAGES / seconds;
  }
}
