package io.buslane;

import java.lang.reflect.Type;
import java.util.Map;
import java.util.Optional;

/**
 * What a program reads of a message that came: a {@link Reply}, a {@link Message} or a {@link Request}. Safe for use by
 * several threads at once.
 */
public sealed interface Carrier permits Reply, Message, Request {
  /**
   * Returns who sent it, as the broker says: {@code service#instance}, or a client's name.
   *
   * @return the sender, never null
   */
  String from();

  /**
   * Returns the payload as text: JSON unless {@link #isJson} says otherwise.
   *
   * @return the text, empty if there is no payload; never null
   */
  String payload();

  /**
   * Returns the payload. The array is not copied for each call: do not change it.
   *
   * @return the bytes, none if there is no payload; never null
   */
  byte[] bytes();

  /**
   * Tells whether the payload is JSON text, or absent.
   *
   * @return whether it is
   */
  boolean isJson();

  /**
   * Returns what the payload is.
   *
   * @return a media type, never null
   */
  String contentType();

  /**
   * Returns the headers. Names that begin with {@code :} are members of the envelope, as {@code :content-type}.
   *
   * @return the headers in the order in which they came, unmodifiable; never null
   */
  Map<String, String> headers();

  /**
   * Returns a header.
   *
   * @param name its name in lower case, not null
   * @return its value, if it is there; never null
   */
  default Optional<String> header(String name) {
    return Optional.ofNullable(headers().get(name));
  }

  /**
   * Reads the payload by the client's {@link Codec}.
   *
   * @param type the class to read, not null
   * @param <T> what the class stands for
   * @return the value; null if the payload is absent or says so
   * @throws BuslaneException with {@link ErrorCode#INVALID_PAYLOAD} if it is not that
   */
  default <T> T payloadAs(Class<T> type) {
    return payloadAs((Type) type);
  }

  /**
   * Reads the payload by the client's {@link Codec}, as a type with parameters.
   *
   * @param type the type to read, not null
   * @param <T> what it stands for
   * @return the value; null if the payload is absent or says so
   * @throws BuslaneException with {@link ErrorCode#INVALID_PAYLOAD} if it is not that
   */
  <T> T payloadAs(Type type);
}
