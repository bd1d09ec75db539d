package io.buslane;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
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
    return StreamSupport.stream(all.spliterator(), false)
        .map(
            vector ->
                DynamicTest.dynamicTest(
                    vector.get("road").asText() + ": " + vector.get("name").asText(), () -> meet(vector)));
  }

  private static void meet(JsonNode vector) throws Exception {
    boolean lines = vector.get("road").asText().equals("lines");
    try (FakeBroker broker = new FakeBroker(!lines)) {
      CompletableFuture<Buslane> client = CompletableFuture.supplyAsync(() -> broker.client().connect());
      if (lines) {
        broker.accept(vector.get("answer"));
      } else {
        broker.accept(vector.get("answer").asText());
      }
      if (vector.get("accepted").asBoolean()) {
        try (Buslane bus = client.get(20, SECONDS)) {
          assertEquals(lines ? "later" : "fake", bus.state().node());
          broker.close();
        }
      } else {
        Throwable refused = assertThrows(ExecutionException.class, () -> client.get(20, SECONDS)).getCause();
        assertEquals(ErrorCode.UNSUPPORTED_VERSION, ((BuslaneException) refused).code());
      }
    }
  }
}
