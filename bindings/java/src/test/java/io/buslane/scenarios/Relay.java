package io.buslane.scenarios;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntSupplier;

/** The link between one client and the broker: a relay that can be cut, frozen and made to refuse. */
final class Relay implements AutoCloseable {
  /** What a link does with bytes. */
  enum Mode {
    /** Forwards them, and takes connections. */
    OPEN,
    /** Keeps them where they are. */
    FROZEN,
    /** Ends every connection, and refuses new ones. */
    CUT,
    /** Ends the client's side of every connection and keeps the broker's; refuses new ones. */
    HALF_CUT
  }

  private final ServerSocketChannel listener;
  private final IntSupplier broker;
  private final List<SocketChannel> clients = new ArrayList<>();
  private final List<SocketChannel> brokers = new ArrayList<>();
  private Mode mode = Mode.OPEN;
  private boolean closed;

  /** Makes a link to the port that the broker has whenever a client dials; on a socket of that path if there is one. */
  Relay(IntSupplier broker, Path socket) throws IOException {
    this.broker = broker;
    SocketAddress address =
        socket == null
            ? new InetSocketAddress(InetAddress.getLoopbackAddress(), 0)
            : UnixDomainSocketAddress.of(socket);
    listener =
        socket == null ? ServerSocketChannel.open() : ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    listener.bind(address);
    start(this::accept);
  }

  int port() throws IOException {
    return ((InetSocketAddress) listener.getLocalAddress()).getPort();
  }

  synchronized void set(Mode wanted) {
    mode = wanted;
    if (wanted == Mode.CUT || wanted == Mode.HALF_CUT) {
      clients.forEach(Relay::end);
      clients.clear();
    }
    if (wanted == Mode.CUT) {
      brokers.forEach(Relay::end);
      brokers.clear();
    }
    notifyAll();
  }

  @Override
  public void close() throws IOException {
    synchronized (this) {
      closed = true;
    }
    set(Mode.CUT);
    listener.close();
  }

  private void accept() throws IOException {
    while (true) {
      SocketChannel client = listener.accept();
      int port = broker.getAsInt();
      synchronized (this) {
        if (port == 0 || mode == Mode.CUT || mode == Mode.HALF_CUT) {
          end(client);
          continue;
        }
      }
      join(client, port);
    }
  }

  private void join(SocketChannel client, int port) throws IOException {
    SocketChannel dialled;
    try {
      dialled = SocketChannel.open(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
    } catch (IOException gone) {
      end(client);
      return;
    }
    synchronized (this) {
      clients.add(client);
      brokers.add(dialled);
    }
    start(() -> forward(client, dialled));
    start(() -> forward(dialled, client));
  }

  /** Forwards one way until the end, which it passes on: of the broker's side only if the link is not cut half. */
  private void forward(SocketChannel from, SocketChannel to) {
    ByteBuffer buffer = ByteBuffer.allocate(64 << 10);
    try {
      while (true) {
        thawed();
        buffer.clear();
        if (from.read(buffer) < 0) {
          break;
        }
        thawed();
        buffer.flip();
        while (buffer.hasRemaining()) {
          to.write(buffer);
        }
      }
    } catch (IOException | InterruptedException ended) {
      // Passed on below.
    }
    synchronized (this) {
      if (mode == Mode.HALF_CUT && brokers.contains(to)) {
        return;
      }
    }
    end(from);
    end(to);
  }

  private synchronized void thawed() throws InterruptedException {
    while (mode == Mode.FROZEN && !closed) {
      wait();
    }
  }

  private static void end(SocketChannel channel) {
    try {
      channel.close();
    } catch (IOException already) {
      // Nothing else was wanted.
    }
  }

  private interface Work {
    void run() throws IOException;
  }

  private static void start(Work work) {
    Thread thread =
        new Thread(
            () -> {
              try {
                work.run();
              } catch (IOException ended) {
                // With the listener.
              }
            });
    thread.setDaemon(true);
    thread.start();
  }
}
