package io.buslane;

import java.time.Duration;

/**
 * Where the connection to the broker stands.
 *
 * @param kind where, never null
 * @param client the client's id on this broker; null unless connected
 * @param node the broker's node name; null unless connected
 * @param server the broker's software and version; null unless connected
 * @param problem why the connection is lost or refused; null unless it is
 * @param time until the next attempt, or until a draining broker closes the connection; null otherwise
 */
public record ConnectionState(
    Kind kind, String client, String node, String server, Problem problem, Duration time) {
  /** Where a connection may stand. */
  public enum Kind {
    /** The first connection is being made. */
    CONNECTING,
    /** The broker has accepted the client. */
    CONNECTED,
    /** The connection is lost, or an attempt failed. Another follows by itself. */
    DISCONNECTED,
    /** The broker shuts down: what is under way is finished, new requests wait for the next connection. */
    DRAINING,
    /** Another process took over an instance that this client held. The client has ended. */
    TAKEN_OVER,
    /** The program closed the client. */
    CLOSED,
    /** The broker will never take this client. The client has ended. */
    REFUSED
  }

  /**
   * Tells whether the client has ended, so that no other state follows.
   *
   * @return whether it has
   */
  public boolean isFinal() {
    return kind == Kind.TAKEN_OVER || kind == Kind.CLOSED || kind == Kind.REFUSED;
  }

  static ConnectionState connecting() {
    return of(Kind.CONNECTING, null, null);
  }

  static ConnectionState read(BlockReader reader) {
    Kind kind = Kind.values()[reader.octet()];
    return switch (kind) {
      case CONNECTED -> new ConnectionState(kind, reader.text(), reader.text(), reader.text(), null, null);
      case DISCONNECTED -> of(kind, reader.problem(), Duration.ofMillis(reader.large()));
      case DRAINING -> of(kind, null, Duration.ofMillis(reader.large()));
      case REFUSED -> of(kind, reader.problem(), null);
      default -> of(kind, null, null);
    };
  }

  private static ConnectionState of(Kind kind, Problem problem, Duration time) {
    return new ConnectionState(kind, null, null, null, problem, time);
  }
}
