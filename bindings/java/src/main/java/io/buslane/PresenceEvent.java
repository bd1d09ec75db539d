package io.buslane;

/**
 * A service that comes or goes.
 *
 * @param kind what happened, never null
 * @param service the service's name, empty with {@link Kind#SNAPSHOT_END}; never null
 * @param snapshot whether it was so before the watch began
 * @param instance the instance that came or went; null unless the kind speaks of one
 */
public record PresenceEvent(Kind kind, String service, boolean snapshot, Instance instance) {
  /** What happened. */
  public enum Kind {
    /** An instance has registered. */
    CONNECT,
    /** An instance has gone. */
    DISCONNECT,
    /** The first instance of a service has registered. */
    ONLINE,
    /** The last instance of a service has gone. */
    OFFLINE,
    /** Everything that was so before the watch began has been told. */
    SNAPSHOT_END
  }

  static PresenceEvent read(BlockReader reader) {
    Kind kind = Kind.values()[reader.octet()];
    String service = reader.text();
    boolean snapshot = reader.flag();
    Instance instance = null;
    if (kind == Kind.CONNECT || kind == Kind.DISCONNECT) {
      instance =
          new Instance(
              service, reader.text(), reader.text(), reader.texts(), reader.texts(), reader.text(), reader.text());
    }
    return new PresenceEvent(kind, service, snapshot, instance);
  }
}
