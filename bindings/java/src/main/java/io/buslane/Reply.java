package io.buslane;

import java.lang.reflect.Type;
import java.util.Map;

/** The reply to a request, or one part of a stream. Immutable. */
public final class Reply implements Carrier {
  private final Parcel parcel;

  Reply(Parcel parcel) {
    this.parcel = parcel;
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
    return "Reply[from=" + from() + ", payload=" + payload() + "]";
  }
}
