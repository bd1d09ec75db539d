package io.buslane;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collection;
import java.util.Map;

/** Writes operations in the layout that {@code native/reading.rs} reads. Not for several threads at once. */
final class BlockWriter {
  private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private static final int USUAL_ROOM = 128;

  private byte[] bytes;
  private int length;

  private BlockWriter(int room) {
    this.bytes = new byte[room];
  }

  /** Begins a block that says nothing about its kind. */
  static BlockWriter plain() {
    return new BlockWriter(USUAL_ROOM);
  }

  /** Begins an operation of the given kind. */
  static BlockWriter of(Operation operation) {
    return of(operation, USUAL_ROOM);
  }

  /** Begins an operation that takes so many bytes, its kind included; more if need be. */
  static BlockWriter of(Operation operation, int room) {
    return new BlockWriter(room).octet(operation.number);
  }

  BlockWriter octet(int value) {
    room(1);
    bytes[length++] = (byte) value;
    return this;
  }

  BlockWriter flag(boolean value) {
    return octet(value ? 1 : 0);
  }

  BlockWriter number(int value) {
    room(4);
    INT.set(bytes, length, value);
    length += 4;
    return this;
  }

  BlockWriter number(long value) {
    room(8);
    LONG.set(bytes, length, value);
    length += 8;
    return this;
  }

  /** Writes milliseconds, -1 for none. A time below one millisecond is one. */
  BlockWriter time(Duration time) {
    if (time == null) {
      return number(-1L);
    }
    return number(time.isZero() ? 0L : Math.max(1L, clippedMillis(time)));
  }

  BlockWriter block(byte[] value) {
    if (value == null) {
      return number(-1);
    }
    number(value.length);
    room(value.length);
    System.arraycopy(value, 0, bytes, length, value.length);
    length += value.length;
    return this;
  }

  BlockWriter text(String value) {
    return block(value == null ? null : value.getBytes(StandardCharsets.UTF_8));
  }

  BlockWriter texts(Collection<String> values) {
    number(values.size());
    values.forEach(this::text);
    return this;
  }

  BlockWriter pairs(Map<String, String> values) {
    number(values.size());
    values.forEach((name, value) -> text(name).text(value));
    return this;
  }

  BlockWriter body(Body body) {
    return text(body.isJson() ? null : body.contentType()).block(body.content());
  }

  byte[] bytes() {
    return bytes;
  }

  int length() {
    return length;
  }

  private void room(int more) {
    if (bytes.length - length < more) {
      bytes = Arrays.copyOf(bytes, Math.max(bytes.length * 2, Math.addExact(length, more)));
    }
  }

  private static long clippedMillis(Duration time) {
    try {
      return time.toMillis();
    } catch (ArithmeticException tooLong) {
      return Long.MAX_VALUE;
    }
  }
}
