package io.buslane;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/** A message about to be published, where more is to be said than topic and payload. Not for several threads at once. */
public final class Publication {
  private final String topic;
  private Object payload;
  private int retain;
  private Duration lifetime;
  private boolean excludeSelf;
  private final Map<String, String> headers = new LinkedHashMap<>();

  private Publication(String topic) {
    this.topic = Objects.requireNonNull(topic, "topic");
  }

  /**
   * Begins a message.
   *
   * @param topic where to publish it, not null
   * @return the message, never null
   */
  public static Publication on(String topic) {
    return new Publication(topic);
  }

  /**
   * Sets what is sent. Default: nothing.
   *
   * @param payload what to send, taken as {@link Body} says; may be null
   * @return this message
   */
  public Publication payload(Object payload) {
    this.payload = payload;
    return this;
  }

  /**
   * Keeps the message as the topic's value, for later subscribers.
   *
   * @return this message
   */
  public Publication retain() {
    this.retain = 1;
    return this;
  }

  /**
   * Keeps the message as the topic's value for a time.
   *
   * @param lifetime the time, not null
   * @return this message
   */
  public Publication retainFor(Duration lifetime) {
    this.lifetime = Objects.requireNonNull(lifetime, "lifetime");
    return retain();
  }

  /**
   * Clears the topic's value instead; nothing is sent.
   *
   * @return this message
   */
  public Publication clearRetained() {
    this.retain = 2;
    return this;
  }

  /**
   * Leaves this client's own subscriptions out.
   *
   * @return this message
   */
  public Publication excludeSelf() {
    this.excludeSelf = true;
    return this;
  }

  /**
   * Adds a header.
   *
   * @param name its name in lower case; those that begin with {@code :} are members of the envelope; not null
   * @param value its value, not null
   * @return this message
   */
  public Publication header(String name, String value) {
    headers.put(Objects.requireNonNull(name, "name"), Objects.requireNonNull(value, "value"));
    return this;
  }

  void write(BlockWriter writer, Codec codec) {
    writer.text(topic).octet(retain).time(lifetime).flag(excludeSelf).pairs(headers).body(Body.of(payload, codec));
  }
}
