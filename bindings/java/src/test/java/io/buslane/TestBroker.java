package io.buslane;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.Map;

/** A broker of its own for a test: the command, on a free port and with a folder that goes with it. */
public final class TestBroker implements AutoCloseable {
  private final Map<String, String> options = new LinkedHashMap<>();
  private final Path folder;
  private Process process;
  private volatile int port;

  /** Starts a broker with variables of the environment, as {@code BUSLANE_LIMITS_PAYLOAD}. */
  public TestBroker(Map<String, String> options) throws IOException, InterruptedException {
    this.options.putAll(options);
    this.folder = Files.createTempDirectory("buslane-test-");
    start();
  }

  public TestBroker() throws IOException, InterruptedException {
    this(Map.of());
  }

  public int port() {
    return port;
  }

  public String url() {
    return "buslane://127.0.0.1:" + port;
  }

  /** Begins a client that no silence ends: a machine may be too busy for signs of life. */
  public BuslaneBuilder client(String name) {
    return Buslane.builder().url(url()).name(name).heartbeat(Duration.ZERO, Duration.ZERO);
  }

  /** Starts the broker, after the last one has ended. */
  public void start() throws IOException, InterruptedException {
    port = 0;
    if (process != null) {
      process.waitFor();
    }
    String command = System.getProperty("buslane.test.broker");
    ProcessBuilder builder =
        new ProcessBuilder(command, "serve", "--listen", "127.0.0.1:0", "--data", folder.toString());
    builder.environment().keySet().removeIf(name -> name.startsWith("BUSLANE_"));
    builder.environment().putAll(options);
    builder.redirectErrorStream(true);
    process = builder.start();
    BufferedReader output = process.inputReader();
    StringBuilder said = new StringBuilder();
    for (String line = output.readLine(); line != null; line = output.readLine()) {
      said.append(line).append('\n');
      int at = line.indexOf("listening on 127.0.0.1:");
      if (at >= 0) {
        port = Integer.parseInt(line.substring(at + "listening on 127.0.0.1:".length()).split("\\D", 2)[0]);
        discard(output);
        return;
      }
    }
    throw new IOException(command + " does not listen: " + said);
  }

  public void kill() throws InterruptedException {
    port = 0;
    process.destroyForcibly().waitFor();
  }

  /** Asks the broker to end, and does not wait for it. */
  public void drain() {
    process.destroy();
  }

  @Override
  public void close() throws IOException {
    process.destroyForcibly();
    try (var files = Files.walk(folder)) {
      files.sorted(Comparator.reverseOrder()).map(Path::toFile).forEach(java.io.File::delete);
    }
  }

  /** Reads on, so that the broker never waits for somebody to read what it says. */
  private static void discard(BufferedReader output) {
    Thread reader =
        new Thread(
            () -> {
              try {
                while (output.readLine() != null) {}
              } catch (IOException ended) {
                // With the broker.
              }
            });
    reader.setDaemon(true);
    reader.start();
  }
}
