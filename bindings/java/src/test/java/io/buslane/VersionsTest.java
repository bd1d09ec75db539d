package io.buslane;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** A client of this version that meets a broker of a later one, as {@code schemas/vectors/versions} shows. */
class VersionsTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TestFactory
  Stream<DynamicTest> aBrokerIsAcceptedOrRefusedAsTheVectorsSay() throws Exception {
    Path vectors = Path.of(System.getProperty("buslane.test.root"), "schemas/vectors/versions/client.json");
    JsonNode all = JSON.readTree(vectors.toFile());
    assertTrue(all.size() > 5);
    // A preamble that is accepted is what every scenario over binary frames begins with.
    return StreamSupport.stream(all.spliterator(), false)
        .filter(vector -> isLines(vector) || !vector.get("accepted").asBoolean())
        .map(
            vector ->
                DynamicTest.dynamicTest(
                    vector.get("road").asText() + ": " + vector.get("name").asText(), () -> meet(vector)));
  }

  private static void meet(JsonNode vector) throws Exception {
    try (ServerSocket listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      Thread broker = new Thread(() -> serve(listener, vector));
      broker.start();
      BuslaneBuilder builder = Buslane.builder().url("buslane://127.0.0.1:" + listener.getLocalPort());
      if (isLines(vector)) {
        builder.json();
      }
      if (vector.get("accepted").asBoolean()) {
        Buslane bus = builder.connect();
        assertEquals("later", bus.state().node());
        bus.close();
      } else {
        assertEquals(
            ErrorCode.UNSUPPORTED_VERSION, assertThrows(BuslaneException.class, builder::connect).code());
      }
      broker.join();
    }
  }

  private static void serve(ServerSocket listener, JsonNode vector) {
    try (Socket socket = listener.accept()) {
      var input = new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.ISO_8859_1));
      if (isLines(vector)) {
        String id = JSON.readTree(input.readLine()).get("id").asText();
        String answer = vector.get("answer").toString().replace("$id", id) + "\n";
        socket.getOutputStream().write(answer.getBytes(StandardCharsets.UTF_8));
      } else {
        socket.getOutputStream().write(HexFormat.of().parseHex(vector.get("answer").asText()));
      }
      // Until the client has left.
      while (input.read() >= 0) {}
    } catch (java.io.IOException left) {
      // As it may.
    }
  }

  private static boolean isLines(JsonNode vector) {
    return vector.get("road").asText().equals("lines");
  }
}
