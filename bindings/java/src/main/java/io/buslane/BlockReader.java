package io.buslane;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Reads events in the layout that {@code native/telling.rs} writes. Copies what it returns. */
final class BlockReader {
  private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private final byte[] bytes;
  private final int end;
  private final Texts texts;
  private int position;

  BlockReader(byte[] bytes, int start, int end) {
    this(bytes, start, end, null);
  }

  /** Has texts that come again and again made by {@code texts}. */
  BlockReader(byte[] bytes, int start, int end, Texts texts) {
    this.bytes = bytes;
    this.position = start;
    this.end = end;
    this.texts = texts;
  }

  boolean hasMore() {
    return position < end;
  }

  int octet() {
    return bytes[position++] & 0xFF;
  }

  boolean flag() {
    return octet() != 0;
  }

  int number() {
    int value = (int) INT.get(bytes, position);
    position += 4;
    return value;
  }

  long large() {
    long value = (long) LONG.get(bytes, position);
    position += 8;
    return value;
  }

  byte[] block() {
    int length = number();
    byte[] block = Arrays.copyOfRange(bytes, position, position + length);
    position += length;
    return block;
  }

  /** Reads a text; null if it is absent. */
  String text() {
    return text(number());
  }

  private String text(int length) {
    if (length < 0) {
      return null;
    }
    String text = length == 0 ? "" : new String(bytes, position, length, StandardCharsets.UTF_8);
    position += length;
    return text;
  }

  /** Reads a text that has likely come before; null if it is absent. */
  String usualText() {
    int length = number();
    if (texts == null || length <= 0) {
      return text(length);
    }
    String text = texts.text(bytes, position, length);
    position += length;
    return text;
  }

  List<String> texts() {
    int count = number();
    List<String> texts = new ArrayList<>(count);
    for (int index = 0; index < count; index++) {
      texts.add(text());
    }
    return List.copyOf(texts);
  }

  Map<String, String> pairs() {
    int count = number();
    if (count == 0) {
      return Map.of();
    }
    Map<String, String> pairs = new LinkedHashMap<>();
    for (int index = 0; index < count; index++) {
      String name = text();
      pairs.put(name, text());
    }
    return java.util.Collections.unmodifiableMap(pairs);
  }

  Parcel parcel(Codec codec) {
    String from = usualText();
    Map<String, String> headers = pairs();
    boolean json = flag();
    return new Parcel(from, headers, json, block(), codec);
  }

  Problem problem() {
    String code = text();
    Problem.Origin origin = Problem.Origin.values()[octet()];
    int status = number();
    return new Problem(
        code, origin, status, text(), text(), text(), text(), text(), text(), text(), text());
  }
}
