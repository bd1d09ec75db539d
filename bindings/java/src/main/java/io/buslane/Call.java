package io.buslane;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** A request about to be made, where more is to be said than address and payload. Not for several threads at once. */
public final class Call {
  private static final long AS_THE_CLIENT_SAYS = -2L;
  private static final long WITHOUT = -1L;

  private final List<String> targets;
  private Object payload;
  private long timeout = AS_THE_CLIENT_SAYS;
  private int credit;
  private final Map<String, String> headers = new LinkedHashMap<>();

  private Call(List<String> targets) {
    this.targets = targets;
  }

  /**
   * Begins a request.
   *
   * @param addresses one address or several: {@code service:method}, {@code service#instance:method}, {@code
   *     @group:method}, {@code *:method}; not null
   * @return the request, never null
   */
  public static Call to(String... addresses) {
    return new Call(List.of(addresses));
  }

  /**
   * Sets what is sent. Default: nothing.
   *
   * @param payload what to send, taken as {@link Body} says; may be null
   * @return this request
   */
  public Call payload(Object payload) {
    this.payload = payload;
    return this;
  }

  /**
   * Sets when the request ends at the latest; of a stream, when its first part comes at the latest, and then each
   * further one. Default: as the client's builder says.
   *
   * @param timeout the time, not null
   * @return this request
   */
  public Call timeout(Duration timeout) {
    this.timeout = Math.max(1L, timeout.toMillis());
    return this;
  }

  /**
   * Lets a stream take any time; for streams only.
   *
   * @return this request
   */
  public Call withoutTimeout() {
    this.timeout = WITHOUT;
    return this;
  }

  /**
   * Adds a header.
   *
   * @param name its name in lower case; those that begin with {@code :} are members of the envelope; not null
   * @param value its value, not null
   * @return this request
   */
  public Call header(String name, String value) {
    headers.put(Objects.requireNonNull(name, "name"), Objects.requireNonNull(value, "value"));
    return this;
  }

  /**
   * Sets how many parts of a stream may be on their way before the program has taken any. Default: 64.
   *
   * @param credit 1 to 65,535
   * @return this request
   * @throws IllegalArgumentException if it is not
   */
  public Call credit(int credit) {
    if (credit < 1 || credit > 0xFFFF) {
      throw new IllegalArgumentException("credit is 1 to 65,535, not " + credit);
    }
    this.credit = credit;
    return this;
  }

  /** How a request is answered, with the numbers of the native half. */
  enum Shape {
    ONE,
    STREAM,
    GATHERED
  }

  BlockWriter write(long operation, Shape shape, Codec codec) {
    return BlockWriter.of(Operation.REQUEST)
        .number(operation)
        .octet(shape.ordinal())
        .texts(targets)
        .number(timeout)
        .number(credit)
        .pairs(headers)
        .body(Body.of(payload, codec));
  }
}
