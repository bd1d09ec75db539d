package io.buslane.bench;

/** A client library with its server, as the comparison drives it: connected twice, as who asks and as who answers. */
interface Contender extends AutoCloseable {
  /** What a comparison times. */
  interface Step {
    void run() throws Exception;
  }

  /** Returns the name of the library, as the rows say it. */
  String name();

  /** Offers an echo, and returns what asks for it once and waits for the answer. */
  Step echo(byte[] payload) throws Exception;

  /** Takes every message with {@code onMessage}, and returns what publishes one without waiting for anything. */
  Step flood(byte[] payload, Runnable onMessage) throws Exception;

  @Override
  void close() throws Exception;
}
