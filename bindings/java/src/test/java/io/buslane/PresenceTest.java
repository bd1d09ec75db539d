package io.buslane;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.Test;

/** Services that come and go, as those who watch see them. */
class PresenceTest {
  private final BlockingQueue<PresenceEvent> seen = new LinkedBlockingQueue<>();

  @Test
  void whoIsThereIsToldFirstAndThenEachChange() throws Exception {
    try (TestBroker broker = new TestBroker();
        Buslane service = broker.client("service").connect();
        Buslane watcher = broker.client("watcher").connect()) {
      service.register(Service.named("attic").version("1.2.0").group("storage").method("get", request -> "1"));
      Subscription watch = watcher.onPresence(seen::add);
      PresenceEvent there = next("attic", PresenceEvent.Kind.CONNECT);
      assertTrue(there.snapshot());
      assertEquals("1.2.0", there.instance().version());
      assertEquals(List.of("storage"), there.instance().groups());
      assertEquals(List.of("get"), there.instance().methods());
      next("", PresenceEvent.Kind.SNAPSHOT_END);

      Registration cellar = service.register(Service.named("cellar").instance("one").method("get", request -> "1"));
      PresenceEvent came = next("cellar", PresenceEvent.Kind.CONNECT);
      assertFalse(came.snapshot());
      assertEquals("one", came.instance().instance());
      cellar.unregister();
      assertEquals("one", next("cellar", PresenceEvent.Kind.DISCONNECT).instance().instance());
      next("cellar", PresenceEvent.Kind.OFFLINE);

      watch.close();
      service.register(Service.named("loft").method("get", request -> "1"));
      watcher.flush();
      assertEquals(null, seen.poll());
    }
  }

  /** Waits for an event of a kind; those that a service is online may come between. */
  private PresenceEvent next(String service, PresenceEvent.Kind kind) throws InterruptedException {
    PresenceEvent event = seen.poll(20, SECONDS);
    while (event.kind() == PresenceEvent.Kind.ONLINE) {
      assertEquals(null, event.instance());
      event = seen.poll(20, SECONDS);
    }
    assertEquals(kind, event.kind(), event::toString);
    assertEquals(service, event.service());
    return event;
  }
}
