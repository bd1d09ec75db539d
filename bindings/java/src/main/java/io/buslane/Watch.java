package io.buslane;

/** Ends when it is closed: a listener that is told something of a client's. Safe for use by several threads at once. */
@FunctionalInterface
public interface Watch extends AutoCloseable {
  /** Tells the listener nothing more; it may still be running. Closing again does nothing. */
  @Override
  void close();
}
