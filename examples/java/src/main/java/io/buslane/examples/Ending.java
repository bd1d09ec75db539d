package io.buslane.examples;

import io.buslane.Buslane;
import io.buslane.BuslaneException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** What the programs share: they begin with a client, and end with exit code 0 when they are asked to. */
final class Ending {
  private static final CountDownLatch ASKED = new CountDownLatch(1);
  private static final CountDownLatch DONE = new CountDownLatch(1);

  private Ending() {}

  /** What a program does with its client. */
  interface Program {
    void run(Buslane bus) throws Exception;
  }

  /** Runs a program with a client of the broker that BUSLANE_URL names, and says goodbye. */
  static void run(String name, Program program) throws Exception {
    Thread hook =
        new Thread(
            () -> {
              ASKED.countDown();
              try {
                DONE.await();
              } catch (InterruptedException impatient) {
                Thread.currentThread().interrupt();
              }
              // Being asked to end is no failure.
              Runtime.getRuntime().halt(0);
            });
    // One thread, so that lines are printed in the order in which things come.
    ExecutorService executor = Executors.newSingleThreadExecutor(Ending::daemon);
    try (Buslane bus = Buslane.builder().executor(executor).connect()) {
      Runtime.getRuntime().addShutdownHook(hook);
      program.run(bus);
    } catch (BuslaneException failure) {
      System.err.println("error: " + failure.getMessage());
      Runtime.getRuntime().halt(1);
    }
    System.out.println(name + " has left");
    System.out.flush();
    DONE.countDown();
  }

  /** Waits until Ctrl-C or SIGTERM asks the program to end. */
  static void await() throws InterruptedException {
    ASKED.await();
  }

  private static Thread daemon(Runnable work) {
    Thread thread = new Thread(work, "example");
    thread.setDaemon(true);
    return thread;
  }
}
