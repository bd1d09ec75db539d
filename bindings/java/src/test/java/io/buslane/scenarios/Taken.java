package io.buslane.scenarios;

import com.fasterxml.jackson.databind.JsonNode;
import io.buslane.BusIterator;
import io.buslane.Buslane;
import io.buslane.Message;
import io.buslane.Subscribe;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/** A subscription from which a message is taken only where a step expects one. */
final class Taken {
  private final BlockingQueue<JsonNode> items = new LinkedBlockingQueue<>();
  private final Semaphore wanted = new Semaphore(0);
  private final BusIterator<Message> messages;
  private boolean taking;

  Taken(Buslane client, Subscribe subscribe) {
    subscribe.readAhead(1).onGap(gap -> items.add(Items.of(gap)));
    messages = client.iterate(subscribe);
    Thread taker = new Thread(this::take);
    taker.setDaemon(true);
    taker.start();
  }

  /** Waits for the next message or gap. Null if none comes in time. */
  JsonNode next(long milliseconds) throws InterruptedException {
    want();
    JsonNode item = items.poll(milliseconds, TimeUnit.MILLISECONDS);
    return item;
  }

  /** Lets a message come, if none is on its way. */
  void want() {
    synchronized (wanted) {
      if (items.isEmpty() && !taking) {
        taking = true;
        wanted.release();
      }
    }
  }

  JsonNode left() {
    return items.peek();
  }

  void close() {
    messages.close();
  }

  private void take() {
    while (true) {
      wanted.acquireUninterruptibly();
      boolean more = messages.hasNext();
      synchronized (wanted) {
        items.add(more ? Items.of(messages.next()) : Items.bare("nothing more"));
        taking = false;
      }
      if (!more) {
        return;
      }
    }
  }
}
