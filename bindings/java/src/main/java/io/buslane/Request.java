package io.buslane;

import java.lang.reflect.Type;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;

/**
 * A request that came in, as its {@link MethodHandler} sees it. Safe for use by several threads at once.
 *
 * <p>When nobody waits for the answer any more (the caller cancelled or went away, the deadline passed, the connection
 * was lost), {@link #isCancelled} says so and what {@link #onCancel} was given runs; an answer that comes after that
 * goes nowhere.
 */
public final class Request implements Carrier {
  private final Invocation invocation;
  private final String address;
  private final String id;
  private final int attempt;
  private final Instant deadline;
  private final boolean stream;
  private final Parcel parcel;

  private Request(Invocation invocation, BlockReader reader, Codec codec) {
    this.invocation = invocation;
    this.address = reader.text();
    this.id = reader.text();
    this.attempt = reader.octet();
    long left = reader.large();
    this.deadline = left < 0 ? null : Instant.now().plusMillis(left);
    this.stream = reader.flag();
    this.parcel = reader.parcel(codec);
  }

  static Request read(Invocation invocation, BlockReader reader, Codec codec) {
    return new Request(invocation, reader, codec);
  }

  /**
   * Returns the address as the caller wrote it.
   *
   * @return the address, never null
   */
  public String address() {
    return address;
  }

  /**
   * Returns the caller's id of the request, for logs and traces.
   *
   * @return the id, if there is one; never null
   */
  public Optional<String> id() {
    return Optional.ofNullable(id);
  }

  /**
   * Returns which attempt this is.
   *
   * @return the attempt, from 1
   */
  public int attempt() {
    return attempt;
  }

  /**
   * Returns the time until the caller gives up.
   *
   * @return the time, not below zero; empty if it never does
   */
  public Optional<Duration> timeLeft() {
    if (deadline == null) {
      return Optional.empty();
    }
    Duration left = Duration.between(Instant.now(), deadline);
    return Optional.of(left.isNegative() ? Duration.ZERO : left);
  }

  /**
   * Tells whether the caller takes the answer in parts.
   *
   * @return whether it does
   */
  public boolean wantsStream() {
    return stream;
  }

  /**
   * Tells whether nobody waits for the answer any more. False after it was answered.
   *
   * @return whether nobody does
   */
  public boolean isCancelled() {
    return invocation.isCancelled();
  }

  /**
   * Has something run, on the client's executor, when nobody waits for the answer any more; at once if that is so
   * already, and not at all if the request is answered before.
   *
   * @param action what to run, not null
   */
  public void onCancel(Runnable action) {
    invocation.onCancel(action);
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
    return "Request[address=" + address + ", from=" + from() + ", payload=" + payload() + "]";
  }
}
