package io.buslane;

import java.lang.reflect.Type;

/**
 * Writes values as JSON text and reads them from it: the seam to a JSON library of the program's choice.
 *
 * <p>Without one of its own, a client uses {@link JacksonCodec} if Jackson is there, and else takes and gives text and
 * bytes only. Implementations must be safe for use by several threads at once.
 */
public interface Codec {
  /**
   * Writes a value.
   *
   * @param value what to write, not null
   * @return JSON text in UTF-8, not null
   * @throws Exception if it cannot be written
   */
  byte[] write(Object value) throws Exception;

  /**
   * Reads a value.
   *
   * @param json JSON text in UTF-8, not null; {@code null} in JSON where a message carries no payload
   * @param type what to read, not null
   * @return the value, null if the text says so
   * @throws Exception if it cannot be read as that
   */
  Object read(byte[] json, Type type) throws Exception;

  /**
   * Returns the codec that a client uses by default.
   *
   * @return the codec of Jackson, or one that says what is missing; never null
   */
  static Codec standard() {
    return StandardCodec.INSTANCE;
  }
}
