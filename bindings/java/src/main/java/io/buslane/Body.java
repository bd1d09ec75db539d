package io.buslane;

import java.nio.charset.StandardCharsets;
import java.util.Objects;

/**
 * What a program sends: JSON text, or any bytes with a content type. Immutable, so that it may be sent from any thread
 * and more than once; the bytes that it is made of must not be changed afterwards.
 *
 * <p>Wherever this library takes a payload as {@code Object}, it takes a {@code Body} as it is, a {@code String} and a
 * {@code byte[]} as JSON text, {@code null} as no payload, and hands anything else to the client's {@link Codec}.
 */
public final class Body {
  private static final Body NONE = new Body(null, null);

  private final String contentType;
  private final byte[] content;

  private Body(String contentType, byte[] content) {
    this.contentType = contentType;
    this.content = content;
  }

  /**
   * Returns the body without a payload.
   *
   * @return the body, never null
   */
  public static Body none() {
    return NONE;
  }

  /**
   * Takes JSON text as it is. That it is one JSON value is checked where it is sent. Half of a surrogate pair is no text:
   * a question mark takes its place, as in {@link String#getBytes}.
   *
   * @param text the text, not null
   * @return the body, never null
   */
  public static Body json(String text) {
    return new Body(null, text.getBytes(StandardCharsets.UTF_8));
  }

  /**
   * Takes JSON text in UTF-8 as it is. That it is one JSON value is checked where it is sent.
   *
   * @param text the text, not null
   * @return the body, never null
   */
  public static Body json(byte[] text) {
    return new Body(null, Objects.requireNonNull(text, "text"));
  }

  /**
   * Takes any bytes, and says what they are.
   *
   * @param contentType a media type, not null
   * @param bytes the bytes, not null
   * @return the body, never null
   */
  public static Body bytes(String contentType, byte[] bytes) {
    return new Body(Objects.requireNonNull(contentType, "contentType"), Objects.requireNonNull(bytes, "bytes"));
  }

  /**
   * Makes a body of a payload: see the description of this class.
   *
   * @param payload what to send, may be null
   * @param codec what writes values that are neither text nor bytes, not null
   * @return the body, never null
   * @throws BuslaneException with {@link ErrorCode#INVALID_PAYLOAD} if the codec cannot write it
   */
  public static Body of(Object payload, Codec codec) {
    if (payload == null) {
      return NONE;
    } else if (payload instanceof String text) {
      return json(text);
    } else if (payload instanceof byte[] text) {
      return json(text);
    } else if (payload instanceof Body body) {
      return body;
    }
    try {
      return json(codec.write(payload));
    } catch (BuslaneException refused) {
      throw refused;
    } catch (Exception failure) {
      throw BuslaneException.own(ErrorCode.INVALID_PAYLOAD, String.valueOf(failure.getMessage()), failure);
    }
  }

  /**
   * Tells whether the payload is JSON text, or absent.
   *
   * @return whether it is
   */
  public boolean isJson() {
    return contentType == null;
  }

  /**
   * Returns what the payload is.
   *
   * @return a media type, never null
   */
  public String contentType() {
    return contentType == null ? "application/json" : contentType;
  }

  byte[] content() {
    return content;
  }
}
