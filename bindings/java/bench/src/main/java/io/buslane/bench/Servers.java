package io.buslane.bench;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The servers of a comparison, each on a free port of this machine; ended with it. */
final class Servers implements AutoCloseable {
  private static final long PATIENCE_MS = 10_000;

  private final List<Process> running = new ArrayList<>();
  private final Path folder = Files.createTempDirectory("buslane-bench");

  Servers() throws IOException {
    Runtime.getRuntime().addShutdownHook(new Thread(this::close));
  }

  String buslane(String program) throws Exception {
    int port = freePort();
    start(port, program, "serve", "--listen", "127.0.0.1:" + port, "--data", folder.toString());
    return "buslane://127.0.0.1:" + port;
  }

  String nats(String program) throws Exception {
    int port = freePort();
    start(port, program, "--addr", "127.0.0.1", "--port", String.valueOf(port));
    return "nats://127.0.0.1:" + port;
  }

  String mosquitto(String program) throws Exception {
    int port = freePort();
    Path configuration = folder.resolve("mosquitto.conf");
    // By default it queues 1,000 messages and drops what comes then; and it may wait to fill segments.
    Files.writeString(
        configuration,
        "listener " + port + " 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nset_tcp_nodelay true\n");
    start(port, program, "-c", configuration.toString());
    return "tcp://127.0.0.1:" + port;
  }

  @Override
  public void close() {
    running.forEach(Process::destroy);
  }

  private void start(int port, String... command) throws Exception {
    Process server =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve(Path.of(command[0]).getFileName() + ".log").toFile())
            .start();
    running.add(server);
    long end = System.nanoTime() + PATIENCE_MS * 1_000_000;
    while (!answers(port)) {
      if (!server.isAlive() || System.nanoTime() > end) {
        throw new IOException(String.join(" ", command) + " does not listen; see " + folder);
      }
      Thread.onSpinWait();
    }
  }

  private static boolean answers(int port) {
    try (Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
      return true;
    } catch (IOException refused) {
      return false;
    }
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }
}
