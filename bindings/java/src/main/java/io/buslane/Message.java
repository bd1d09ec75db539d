package io.buslane;

import java.lang.reflect.Type;
import java.util.Map;
import java.util.Optional;

/** A message of a topic. Immutable. */
public final class Message implements Carrier {
  private final String topic;
  private final String id;
  private final int flags;
  private final String shared;
  private final Parcel parcel;

  Message(String topic, String id, int flags, String shared, Parcel parcel) {
    this.topic = topic;
    this.id = id;
    this.flags = flags;
    this.shared = shared;
    this.parcel = parcel;
  }

  /**
   * Returns the topic.
   *
   * @return the topic, never null
   */
  public String topic() {
    return topic;
  }

  /**
   * Returns the publisher's id of the message.
   *
   * @return the id, if it gave one; never null
   */
  public Optional<String> id() {
    return Optional.ofNullable(id);
  }

  /**
   * Tells whether it is a retained value from before the subscription.
   *
   * @return whether it is
   */
  public boolean isRetained() {
    return (flags & 1) != 0;
  }

  /**
   * Tells whether it is an event of the present state, sent to a late subscriber.
   *
   * @return whether it is
   */
  public boolean isSnapshot() {
    return (flags & 2) != 0;
  }

  /**
   * Returns the shared subscription that it is a copy for.
   *
   * @return its name, {@code /} and its filter, if it is for one; never null
   */
  public Optional<String> shared() {
    return Optional.ofNullable(shared);
  }

  @Override
  public String from() {
    return parcel.from;
  }

  @Override
  public String payload() {
    return parcel.text();
  }

  @Override
  public byte[] bytes() {
    return parcel.bytes;
  }

  @Override
  public boolean isJson() {
    return parcel.json;
  }

  @Override
  public String contentType() {
    return parcel.contentType();
  }

  @Override
  public Map<String, String> headers() {
    return parcel.headers;
  }

  @Override
  public <T> T payloadAs(Type type) {
    return parcel.payloadAs(type);
  }

  @Override
  public String toString() {
    return "Message[topic=" + topic + ", from=" + from() + ", payload=" + payload() + "]";
  }
}
