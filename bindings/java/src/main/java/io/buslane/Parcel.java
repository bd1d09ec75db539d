package io.buslane;

import java.lang.reflect.Type;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** What every message carries that came: who sent it, headers, a payload. Immutable. */
final class Parcel {
  final String from;
  final Map<String, String> headers;
  final boolean json;
  final byte[] bytes;
  private final Codec codec;
  private String text;

  Parcel(String from, Map<String, String> headers, boolean json, byte[] bytes, Codec codec) {
    this.from = from;
    this.headers = headers;
    this.json = json;
    this.bytes = bytes;
    this.codec = codec;
  }

  String text() {
    // Two threads may both make it, and get the same.
    if (text == null) {
      text = new String(bytes, StandardCharsets.UTF_8);
    }
    return text;
  }

  String contentType() {
    String said = headers.get(":content-type");
    return said != null ? said : json ? "application/json" : "application/octet-stream";
  }

  <T> T payloadAs(Type type) {
    if (!json) {
      throw BuslaneException.own(
          ErrorCode.INVALID_PAYLOAD, "the payload is no JSON text but " + contentType(), null);
    }
    try {
      @SuppressWarnings("unchecked")
      T value = (T) codec.read(bytes.length == 0 ? NULL : bytes, type);
      return value;
    } catch (BuslaneException refused) {
      throw refused;
    } catch (Exception failure) {
      throw BuslaneException.own(ErrorCode.INVALID_PAYLOAD, String.valueOf(failure.getMessage()), failure);
    }
  }

  private static final byte[] NULL = {'n', 'u', 'l', 'l'};
}
