package io.buslane;

/** What gives way when a subscription's queue is full, at the broker and here. */
public enum Overflow {
  /** The oldest messages. */
  DROP_OLDEST,
  /** The newest messages. */
  DROP_NEWEST,
  /** The subscription, or the connection where the broker's queue is the full one. */
  DISCONNECT
}
