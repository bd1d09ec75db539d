package io.buslane;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.lang.reflect.Type;
import java.util.Objects;

/**
 * Writes and reads JSON by Jackson. There only where {@code com.fasterxml.jackson.databind} is. Safe for use by several
 * threads at once.
 */
public final class JacksonCodec implements Codec {
  private final ObjectMapper mapper;

  /** Makes a codec with a mapper of its own, with whatever modules of Jackson are found. */
  public JacksonCodec() {
    this(new ObjectMapper().findAndRegisterModules());
  }

  /**
   * Makes a codec with the program's mapper.
   *
   * @param mapper the mapper, not null
   */
  public JacksonCodec(ObjectMapper mapper) {
    this.mapper = Objects.requireNonNull(mapper, "mapper");
  }

  @Override
  public byte[] write(Object value) throws Exception {
    return mapper.writeValueAsBytes(value);
  }

  @Override
  public Object read(byte[] json, Type type) throws Exception {
    return mapper.readValue(json, mapper.constructType(type));
  }
}
