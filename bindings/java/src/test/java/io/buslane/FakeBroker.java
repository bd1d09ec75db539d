package io.buslane;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;

/** A broker that says what a test makes it say, to one client at a time. */
final class FakeBroker implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String PREAMBLE = "b542555301010000";
  private static final int HEADER = 28;
  private static final int TYPE_CONNECTED = 2;
  private static final String CONNECTED =
      """
      {"type": "connected", "id": "$id", "version": 1, "node": "fake", "server": "fake/1.0.0",
       "client": "client-1", "heartbeat_ms": 0, "limits": {}}""";

  private final boolean binary;
  private final ServerSocket listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
  private Socket socket;
  private DataInputStream input;

  FakeBroker(boolean binary) throws IOException {
    this.binary = binary;
  }

  /** Begins a client of this broker. */
  BuslaneBuilder client() {
    BuslaneBuilder builder = Buslane.builder().url("buslane://127.0.0.1:" + listener.getLocalPort());
    return binary ? builder : builder.json();
  }

  /** Waits for the client, and accepts it. */
  void accept() throws IOException {
    accept(PREAMBLE);
  }

  /** Waits for the client, and accepts it behind a preamble of the test's choice. */
  void accept(String preamble) throws IOException {
    meet(preamble);
    greet(JSON.readTree(CONNECTED));
  }

  /** Waits for the client, and gives it an answer of the test's choice. */
  void accept(JsonNode answer) throws IOException {
    meet(PREAMBLE);
    greet(answer);
  }

  private void meet(String preamble) throws IOException {
    socket = listener.accept();
    input = new DataInputStream(socket.getInputStream());
    if (binary) {
      input.readFully(new byte[PREAMBLE.length() / 2]);
      say(HexFormat.of().parseHex(preamble));
    }
  }

  /** Answers what the client begins with; its id stands in the place of {@code $id}. */
  private void greet(JsonNode answer) throws IOException {
    String said = answer.toString().replace("$id", hear().get("id").asText());
    say(binary ? frame(TYPE_CONNECTED, said) : line(said));
  }

  /** Reads a message. Of a frame that is no JSON, its header and what follows, as text. */
  JsonNode hear() throws IOException {
    if (!binary) {
      ByteArrayOutputStream line = new ByteArrayOutputStream();
      for (int next = input.read(); next != '\n'; next = input.read()) {
        if (next < 0) {
          throw new EOFException("the client has left");
        }
        line.write(next);
      }
      return JSON.readTree(line.toByteArray());
    }
    byte[] length = input.readNBytes(4);
    if (length.length < 4) {
      throw new EOFException("the client has left");
    }
    byte[] rest = input.readNBytes(ByteBuffer.wrap(length).order(ByteOrder.LITTLE_ENDIAN).getInt());
    byte[] content = Arrays.copyOfRange(rest, HEADER - 4, rest.length);
    return content.length > 0 && content[0] == '{'
        ? JSON.readTree(content)
        : JSON.createObjectNode().put("frame", rest[0]).put("content", new String(content, StandardCharsets.UTF_8));
  }

  void say(byte[] bytes) throws IOException {
    socket.getOutputStream().write(bytes);
    socket.getOutputStream().flush();
  }

  static byte[] line(String json) {
    return (json + "\n").getBytes(StandardCharsets.UTF_8);
  }

  static byte[] frame(int type, String json) {
    byte[] content = json.getBytes(StandardCharsets.UTF_8);
    ByteBuffer frame = ByteBuffer.allocate(HEADER + content.length).order(ByteOrder.LITTLE_ENDIAN);
    return frame.putInt(HEADER - 4 + content.length).put((byte) type).position(HEADER).put(content).array();
  }

  @Override
  public void close() throws IOException {
    listener.close();
    if (socket != null) {
      socket.close();
    }
  }
}
