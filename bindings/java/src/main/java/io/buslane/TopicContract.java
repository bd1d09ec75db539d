package io.buslane;

import java.util.Objects;

/**
 * The contract of a topic: it belongs to the service that declares it, and holds for whoever publishes to it. Immutable;
 * each method returns another contract.
 */
public final class TopicContract {
  private final String topic;
  private final String schema;
  private final String description;
  private final boolean retained;
  private final boolean refuse;

  private TopicContract(String topic, String schema, String description, boolean retained, boolean refuse) {
    this.topic = Objects.requireNonNull(topic, "topic");
    this.schema = schema;
    this.description = description;
    this.retained = retained;
    this.refuse = refuse;
  }

  /**
   * Declares a topic.
   *
   * @param topic the topic, not null
   * @return a contract that asks nothing, never null
   */
  public static TopicContract of(String topic) {
    return new TopicContract(topic, null, null, false, false);
  }

  /**
   * Sets the schema of what may be published.
   *
   * @param json a JSON Schema as text, not null
   * @return the contract, never null
   */
  public TopicContract schema(String json) {
    return new TopicContract(topic, json, description, retained, refuse);
  }

  /**
   * Describes the topic, for people.
   *
   * @param text the description, not null
   * @return the contract, never null
   */
  public TopicContract description(String text) {
    return new TopicContract(topic, schema, text, retained, refuse);
  }

  /**
   * Lets publishes be retained unless they say otherwise.
   *
   * @return the contract, never null
   */
  public TopicContract retained() {
    return new TopicContract(topic, schema, description, true, refuse);
  }

  /**
   * Lets a publish fail with {@link ErrorCode#RECEIVER_FULL} instead of overflowing a receiver's queue.
   *
   * @return the contract, never null
   */
  public TopicContract refuseWhenFull() {
    return new TopicContract(topic, schema, description, retained, true);
  }

  void write(BlockWriter writer) {
    writer.text(topic).text(schema).text(description).flag(retained).flag(refuse);
  }
}
