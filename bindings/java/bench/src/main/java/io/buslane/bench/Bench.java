package io.buslane.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;

/**
 * Buslane beside jnats and Paho, each with a server of its own: how long one request at a time takes, how many requests
 * a thousand threads make, how many messages a second come from one publisher to one subscriber, and what each message
 * costs this process. Rounds take turns after a warm-up; each row is a JSON object.
 *
 * <p>Arguments are {@code name=value}: {@code broker}, the program {@code buslane}; {@code nats} and {@code mosquitto}, the
 * programs to compare with; {@code rows}, which of {@code request,threads,publish} to measure, and {@code rounds}.
 */
public final class Bench {
  private static final int WARM_UPS = 3;
  private static final int REQUESTS = 5_000;
  private static final int THREADS = 1_000;
  private static final int REQUESTS_A_THREAD = 30;
  private static final long A_ROUND = 1_000_000_000L;
  private static final int LOOK_AT_THE_CLOCK = 1_000;
  private static final int ON_THEIR_WAY = 4_096;
  private static final byte[] PAYLOAD = ("\"" + "x".repeat(126) + "\"").getBytes();

  private final int rounds;
  private final List<Contender> contenders;

  private Bench(int rounds, List<Contender> contenders) {
    this.rounds = rounds;
    this.contenders = contenders;
  }

  /** Runs one contender through one round, and returns its figures by what they are. */
  private interface Round {
    Map<String, Double> run() throws Exception;
  }

  /** Makes the rounds of a contender. */
  private interface Course {
    Round of(Contender contender) throws Exception;
  }

  /**
   * Runs the comparison.
   *
   * @param arguments as the description of this class says
   * @throws Exception if a contender fails
   */
  public static void main(String[] arguments) throws Exception {
    Map<String, String> said = new TreeMap<>();
    for (String argument : arguments) {
      String[] parts = argument.split("=", 2);
      said.put(parts[0], parts[1]);
    }
    List<String> rows = List.of(said.getOrDefault("rows", "request,threads,publish").split(","));
    int rounds = Integer.parseInt(said.getOrDefault("rounds", "7"));
    try (Servers servers = new Servers()) {
      List<Contender> contenders = contenders(said, servers);
      try {
        new Bench(rounds, contenders).run(rows);
      } finally {
        for (Contender contender : contenders) {
          contender.close();
        }
      }
    }
  }

  private static List<Contender> contenders(Map<String, String> said, Servers servers) throws Exception {
    List<Contender> contenders = new ArrayList<>();
    contenders.add(new BuslaneContender(servers.buslane(said.get("broker"))));
    if (said.containsKey("nats")) {
      contenders.add(new NatsContender(servers.nats(said.get("nats"))));
    }
    if (said.containsKey("mosquitto")) {
      contenders.add(new PahoContender(servers.mosquitto(said.get("mosquitto"))));
    }
    return contenders;
  }

  private void run(List<String> rows) throws Exception {
    if (rows.contains("request") || rows.contains("threads")) {
      requests(rows);
    }
    if (rows.contains("publish")) {
      compare("publish", Bench::flood);
    }
  }

  private void requests(List<String> rows) throws Exception {
    Map<Contender, Contender.Step> echoes = new IdentityHashMap<>();
    for (Contender contender : contenders) {
      echoes.put(contender, contender.echo(PAYLOAD));
    }
    if (rows.contains("request")) {
      compare("request", contender -> () -> latency(echoes.get(contender)));
    }
    if (rows.contains("threads")) {
      // Paho's echo tells replies apart no better than by their order, which is one asker's.
      List<Contender> others =
          contenders.stream().filter(contender -> !(contender instanceof PahoContender)).toList();
      new Bench(rounds, others).compare("threads", contender -> () -> crowd(echoes.get(contender)));
    }
  }

  /** Lets the contenders take turns, and prints what each figure is beside Buslane's. */
  private void compare(String row, Course course) throws Exception {
    List<Round> all = new ArrayList<>();
    for (Contender contender : contenders) {
      all.add(course.of(contender));
    }
    for (int warmUp = 0; warmUp < WARM_UPS; warmUp++) {
      for (Round one : all) {
        one.run();
      }
    }
    Map<String, double[][]> figures = new TreeMap<>();
    for (int round = 0; round < rounds; round++) {
      for (int who = 0; who < all.size(); who++) {
        for (Map.Entry<String, Double> figure : all.get(who).run().entrySet()) {
          double[][] table =
              figures.computeIfAbsent(figure.getKey(), key -> new double[all.size()][rounds]);
          table[who][round] = figure.getValue();
        }
      }
    }
    figures.forEach((figure, table) -> print(row, figure, table));
  }

  private void print(String row, String figure, double[][] table) {
    if (table.length == 1) {
      System.out.printf("{\"row\":\"%s\",\"figure\":\"%s\",\"ours\":%.2f}%n", row, figure, middle(table[0]));
    }
    for (int who = 1; who < table.length; who++) {
      double[] ratios = new double[rounds];
      for (int round = 0; round < rounds; round++) {
        ratios[round] = table[0][round] / table[who][round];
      }
      Arrays.sort(ratios);
      System.out.printf(
          "{\"row\":\"%s\",\"figure\":\"%s\",\"ours\":%.2f,\"peer\":\"%s\",\"theirs\":%.2f,\"ratio\":%.2f,"
              + "\"ratio_min\":%.2f,\"ratio_max\":%.2f}%n",
          row,
          figure,
          middle(table[0]),
          contenders.get(who).name(),
          middle(table[who]),
          ratios[rounds / 2],
          ratios[0],
          ratios[rounds - 1]);
    }
  }

  private static double middle(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }

  private static Map<String, Double> latency(Contender.Step request) throws Exception {
    double[] times = new double[REQUESTS];
    Cost cost = Cost.begin();
    for (int number = 0; number < REQUESTS; number++) {
      long start = System.nanoTime();
      request.run();
      times[number] = (System.nanoTime() - start) / 1000.0;
    }
    Map<String, Double> figures = cost.of(REQUESTS);
    Arrays.sort(times);
    figures.put("p50 in us", times[REQUESTS / 2]);
    figures.put("p99 in us", times[REQUESTS * 99 / 100]);
    return figures;
  }

  /** Lets a thousand threads ask at once, each one request after another. */
  private static Map<String, Double> crowd(Contender.Step request) throws Exception {
    CountDownLatch go = new CountDownLatch(1);
    List<Thread> threads = new ArrayList<>();
    List<Exception> failures = Collections.synchronizedList(new ArrayList<>());
    for (int number = 0; number < THREADS; number++) {
      Thread thread =
          new Thread(
              () -> {
                try {
                  go.await();
                  for (int asked = 0; asked < REQUESTS_A_THREAD; asked++) {
                    request.run();
                  }
                } catch (Exception failure) {
                  failures.add(failure);
                }
              });
      thread.start();
      threads.add(thread);
    }
    long start = System.nanoTime();
    go.countDown();
    for (Thread thread : threads) {
      thread.join();
    }
    if (!failures.isEmpty()) {
      throw failures.get(0);
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    return new TreeMap<>(Map.of("requests/s", THREADS * REQUESTS_A_THREAD / seconds));
  }

  /** Publishes as fast as the subscriber takes, so that nothing gives way. */
  private static Round flood(Contender contender) throws Exception {
    Semaphore room = new Semaphore(ON_THEIR_WAY);
    Contender.Step publish = contender.flood(PAYLOAD, room::release);
    return () -> {
      Cost cost = Cost.begin();
      long start = System.nanoTime();
      int messages = 0;
      while (System.nanoTime() - start < A_ROUND) {
        for (int number = 0; number < LOOK_AT_THE_CLOCK; number++) {
          room.acquire();
          publish.run();
        }
        messages += LOOK_AT_THE_CLOCK;
      }
      room.acquire(ON_THEIR_WAY);
      double seconds = (System.nanoTime() - start) / 1e9;
      Map<String, Double> figures = cost.of(messages);
      room.release(ON_THEIR_WAY);
      figures.put("messages/s", messages / seconds);
      return figures;
    };
  }
}
