package io.buslane;

/**
 * A subscription, or a watch, that tells a callback. It comes back by itself after a lost connection, and lasts until it
 * is closed or its client is. Safe for use by several threads at once.
 */
public final class Subscription implements AutoCloseable {
  private final Buslane owner;
  private final Inflow<?> inflow;

  Subscription(Buslane owner, Inflow<?> inflow) {
    this.owner = owner;
    this.inflow = inflow;
  }

  /**
   * Ends the subscription, and waits until the broker has confirmed it. The callback is not begun any more, but may
   * still be running. Closing again does nothing, nor does closing after the client has ended.
   */
  @Override
  public void close() {
    if (inflow.stop()) {
      inflow.unsubscribe(owner);
    }
  }
}
