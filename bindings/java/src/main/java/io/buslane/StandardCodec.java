package io.buslane;

import java.lang.reflect.Type;

/** The codec of a client that names none: Jackson's if it is there. Looks for it once. */
final class StandardCodec {
  static final Codec INSTANCE = find();

  private StandardCodec() {}

  private static Codec find() {
    try {
      return new JacksonCodec();
    } catch (LinkageError absent) {
      return new Absent();
    }
  }

  /** Says what is missing. */
  private static final class Absent implements Codec {
    @Override
    public byte[] write(Object value) {
      throw missing(value.getClass());
    }

    @Override
    public Object read(byte[] json, Type type) {
      throw missing(type);
    }

    private static BuslaneException missing(Type type) {
      return BuslaneException.own(
          ErrorCode.INVALID_PAYLOAD,
          "there is no codec for " + type.getTypeName()
              + ": add jackson-databind, hand a Codec to the builder, or use text",
          null);
    }
  }
}
