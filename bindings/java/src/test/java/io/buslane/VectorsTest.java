package io.buslane;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.EOFException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** A client of Java's that is told what {@code schemas/vectors} has a broker say. */
class VectorsTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int SUBSCRIBED = 7;
  private static final int PONG = 21;
  private static final String PING = "{\"type\":\"ping\",\"id\":\"p1\"}";
  private static final String PING_FRAME = "1a0000001400020000000000000000000000000000000000000000007031";

  @TestFactory
  Stream<DynamicTest> whatABrokerSaysIsTaken() throws Exception {
    return each("valid/broker.json", ofType("draining").negate(), VectorsTest::isTaken);
  }

  @TestFactory
  Stream<DynamicTest> aBrokerThatIsAboutToEndIsTold() throws Exception {
    return each("valid/broker.json", ofType("draining"), VectorsTest::isDraining);
  }

  @TestFactory
  Stream<DynamicTest> whatNoBrokerSaysIsRefusedWithItsCode() throws Exception {
    return each("invalid/broker.json", everything -> true, VectorsTest::isRefused);
  }

  @TestFactory
  Stream<DynamicTest> aDeliveryReachesTheProgramAsItIs() throws Exception {
    return each("valid/broker.json", ofType("delivery"), VectorsTest::isDelivered);
  }

  @TestFactory
  Stream<DynamicTest> aReplyReachesTheProgramAsItIs() throws Exception {
    // The id of a request is of the client's choice, and stands in the text.
    return each("valid/broker.json", ofType("reply"), VectorsTest::isReplied)
        .filter(trial -> trial.getDisplayName().startsWith("json"));
  }

  private static void isTaken(JsonNode vector, boolean binary) throws Exception {
    meet(
        binary,
        (broker, bus) -> {
          broker.say(bytes(vector, binary));
          answersPing(broker, binary);
          assertTrue(bus.isConnected());
        });
  }

  private static void isDraining(JsonNode vector, boolean binary) throws Exception {
    meet(
        binary,
        (broker, bus) -> {
          CountDownLatch told = new CountDownLatch(1);
          bus.onState(
              state -> {
                if (state.kind() == ConnectionState.Kind.DRAINING) {
                  told.countDown();
                }
              });
          broker.say(bytes(vector, binary));
          assertTrue(told.await(20, SECONDS));
        });
  }

  private static void isRefused(JsonNode vector, boolean binary) throws Exception {
    String code = vector.get("error").asText();
    meet(
        binary,
        (broker, bus) -> {
          BlockingQueue<String> told = new LinkedBlockingQueue<>();
          bus.onReport(report -> told.add(report.problem().code()));
          bus.onState(
              state -> {
                if (state.problem() != null) {
                  told.add(state.problem().code());
                }
              });
          broker.say(bytes(vector, binary));
          assertEquals(code, told.poll(20, SECONDS));
          if (code.equals("unknown_type")) {
            // A later broker may say more; nothing else may be passed over.
            answersPing(broker, binary);
          } else {
            assertThrows(EOFException.class, broker::hear);
          }
        });
  }

  private static void isDelivered(JsonNode vector, boolean binary) throws Exception {
    JsonNode said = JSON.readTree(vector.get("json").asText());
    String[] shared = said.path("shared").asText().split("/", 2);
    Subscribe subscribe = Subscribe.to(said.path("filter").asText(shared.length == 2 ? shared[1] : "host/+/cpu"));
    if (shared.length == 2) {
      subscribe.shared(shared[0]);
    }
    meet(
        binary,
        (broker, bus) -> {
          CompletableFuture<BusIterator<Message>> subscribed =
              CompletableFuture.supplyAsync(() -> bus.iterate(subscribe));
          ObjectNode answer = (ObjectNode) broker.hear();
          answer.put("type", "subscribed").retain("type", "id", "filter", "shared");
          broker.say(binary ? FakeBroker.frame(SUBSCRIBED, answer.toString()) : FakeBroker.line(answer.toString()));
          BusIterator<Message> messages = subscribed.get(20, SECONDS);
          broker.say(bytes(vector, binary));
          Message message = messages.next();
          assertEquals(said.get("topic").asText(), message.topic());
          assertEquals(said.path("id").asText(), message.id().orElse(""));
          assertEquals(said.path("shared").asText(), message.shared().orElse(""));
          assertEquals(said.path("retained").asBoolean(), message.isRetained());
          assertEquals(said.path("snapshot").asBoolean(), message.isSnapshot());
          carries(said, message);
        });
  }

  private static void isReplied(JsonNode vector, boolean binary) throws Exception {
    meet(
        binary,
        (broker, bus) -> {
          CompletableFuture<Reply> reply = bus.request("attic:get");
          ObjectNode said = (ObjectNode) JSON.readTree(vector.get("json").asText());
          said.set("id", broker.hear().get("id"));
          broker.say(FakeBroker.line(said.toString()));
          carries(said, reply.get(20, SECONDS));
        });
  }

  /** Compares what every message carries. */
  private static void carries(JsonNode said, Carrier carrier) throws Exception {
    assertEquals(said.get("from").asText(), carrier.from());
    assertEquals(said.path("payload"), JSON.readTree(carrier.payload()));
    assertEquals(said.path("content_type").asText("application/json"), carrier.contentType());
    said.path("headers")
        .properties()
        .forEach(header -> assertEquals(header.getValue().asText(), carrier.header(header.getKey()).orElse(null)));
    for (String member : List.of("reply_to", "sent_at", "schema", "signature", "encryption")) {
      assertEquals(said.path(member).asText(), carrier.header(":" + member.replace('_', '-')).orElse(""), member);
    }
  }

  private static void answersPing(FakeBroker broker, boolean binary) throws Exception {
    broker.say(binary ? HexFormat.of().parseHex(PING_FRAME) : FakeBroker.line(PING));
    JsonNode heard = broker.hear();
    while (!isPong(heard)) {
      heard = broker.hear();
    }
  }

  private static boolean isPong(JsonNode heard) {
    return heard.path("type").asText().equals("pong")
        ? heard.path("id").asText().equals("p1")
        : heard.path("frame").asInt() == PONG && heard.get("content").asText().equals("p1");
  }

  private interface Meeting {
    void run(FakeBroker broker, Buslane bus) throws Exception;
  }

  /** Has a broker and a client meet, and ends the broker first. */
  private static void meet(boolean binary, Meeting meeting) throws Exception {
    try (FakeBroker broker = new FakeBroker(binary)) {
      CompletableFuture<Buslane> client = CompletableFuture.supplyAsync(() -> broker.client().connect());
      broker.accept();
      try (Buslane bus = client.get(20, SECONDS)) {
        meeting.run(broker, bus);
        broker.close();
      }
    }
  }

  private static Predicate<JsonNode> ofType(String type) {
    return vector -> vector.path("json").asText().startsWith("{\"type\":\"" + type + "\"");
  }

  private interface Trial {
    void run(JsonNode vector, boolean binary) throws Exception;
  }

  private static Stream<DynamicTest> each(String file, Predicate<JsonNode> wanted, Trial trial) throws Exception {
    JsonNode all = JSON.readTree(Path.of(System.getProperty("buslane.test.root"), "schemas/vectors", file).toFile());
    List<DynamicTest> trials = new ArrayList<>();
    for (JsonNode vector : all) {
      for (boolean binary : new boolean[] {false, true}) {
        if (wanted.test(vector) && !vector.get(binary ? "binary" : "json").isNull()) {
          String name = (binary ? "binary: " : "json: ") + vector.get("name").asText();
          trials.add(DynamicTest.dynamicTest(name, () -> trial.run(vector, binary)));
        }
      }
    }
    assertFalse(trials.isEmpty(), "there are no vectors in " + file);
    return trials.stream();
  }

  private static byte[] bytes(JsonNode vector, boolean binary) {
    return binary
        ? HexFormat.of().parseHex(vector.get("binary").asText())
        : FakeBroker.line(vector.get("json").asText());
  }
}
