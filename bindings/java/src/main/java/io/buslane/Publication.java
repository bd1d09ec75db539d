package io.buslane;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/** A message about to be published, where more is to be said than topic and payload. Not for several threads at once. */
public final class Publication {
  /** What a message takes in a block beside topic and payload, without headers and content type. */
  private static final int BESIDE = 32;

  private final String topic;
  private Object payload;
  private int retain;
  private Duration lifetime;
  private boolean excludeSelf;
  private Map<String, String> headers = Map.of();

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
    if (headers.isEmpty()) {
      headers = new LinkedHashMap<>();
    }
    headers.put(Objects.requireNonNull(name, "name"), Objects.requireNonNull(value, "value"));
    return this;
  }

  /** Writes it, to be sent without a word from the broker. */
  BlockWriter write(Codec codec) {
    Body body = Body.of(payload, codec);
    byte[] name = topic.getBytes(StandardCharsets.UTF_8);
    int length = body.content() == null ? 0 : body.content().length;
    return write(BlockWriter.of(Operation.PUBLISH, name.length + length + BESIDE), name, body);
  }

  /** Writes it, to be sent when there is room, and acknowledged if that is wanted. */
  BlockWriter write(long operation, boolean acknowledged, Codec codec) {
    BlockWriter writer = BlockWriter.of(Operation.PUBLISH_AWAITED).number(operation).flag(acknowledged);
    return write(writer, topic.getBytes(StandardCharsets.UTF_8), Body.of(payload, codec));
  }

  private BlockWriter write(BlockWriter writer, byte[] name, Body body) {
    return writer.block(name).octet(retain).time(lifetime).flag(excludeSelf).pairs(headers).body(body);
  }
}
