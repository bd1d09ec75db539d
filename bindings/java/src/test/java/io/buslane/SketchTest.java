package io.buslane;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.Test;

/** The program of the first page, end to end. */
class SketchTest {
  private static final String GET_SCHEMA = "{\"type\":\"object\",\"required\":[\"key\"]}";

  @Test
  void aProgramRegistersCallsPublishesAndListens() throws Exception {
    BlockingQueue<Message> heard = new ArrayBlockingQueue<>(4);
    try (TestBroker broker = new TestBroker();
        Buslane bus = broker.client("sketch").connect()) {
      bus.register(
          Service.named("attic")
              .version("1.0.0")
              .group("storage")
              .method("get", GET_SCHEMA, request -> "{\"value\":\"blue\"}"));

      Reply found = bus.request("attic:get", "{\"app\":\"demo\",\"key\":\"colour\"}").get(20, SECONDS);
      assertEquals("{\"value\":\"blue\"}", found.payload());
      assertTrue(found.from().startsWith("attic#"), found.from());

      bus.subscribe("host/+/cpu", heard::add);
      bus.publish("host/a/cpu", "0.5");
      Message reading = heard.poll(20, SECONDS);
      assertEquals("host/a/cpu 0.5", reading.topic() + " " + reading.payload());

      var refused = assertThrows(ExecutionException.class, () -> bus.request("attic:get", "{}").get(20, SECONDS));
      BuslaneException failure = (BuslaneException) refused.getCause();
      assertEquals(ErrorCode.SCHEMA_VIOLATION, failure.code());
      assertEquals("required", failure.keyword().orElseThrow());
    }
  }
}
