package io.buslane.examples;

import io.buslane.Request;
import io.buslane.Service;
import io.buslane.ServiceException;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;

/** A service: an attic in which programs keep values. Shows schemas, an error of its own, and an answer in parts. */
public final class Attic {
  private static final String GET =
      """
      {"type": "object", "required": ["app", "key"],
       "properties": {"app": {"type": "string"}, "key": {"type": "string"}}}""";
  private static final String SET =
      """
      {"type": "object", "required": ["app", "key", "value"],
       "properties": {"app": {"type": "string"}, "key": {"type": "string"}, "value": {"type": "string"}}}""";
  private static final String WATCH =
      """
      {"type": "object", "required": ["app"], "properties": {"app": {"type": "string"}}}""";

  private record Entry(String app, String key, String value) {}

  private record Found(String value) {}

  private record Change(String key, String value) {}

  private final Map<String, Map<String, String>> values = new TreeMap<>();
  private final Set<Watcher> watchers = ConcurrentHashMap.newKeySet();

  private Attic() {}

  /**
   * Runs the program.
   *
   * @param arguments none
   */
  public static void main(String[] arguments) throws Exception {
    Ending.run(
        "attic",
        bus -> {
          Attic attic = new Attic();
          bus.register(
              Service.named("attic")
                  .version("1.0.0")
                  .method("get", GET, attic::get)
                  .method("set", SET, attic::set)
                  .publisherMethod("watch", WATCH, attic::watch));
          System.out.println("attic is registered");
          Ending.await();
        });
  }

  private synchronized Object get(Request request) {
    Entry wanted = request.payloadAs(Entry.class);
    String value = values.getOrDefault(wanted.app, Map.of()).get(wanted.key);
    System.out.println("get " + wanted.app + "/" + wanted.key + ": " + (value == null ? "nothing" : value));
    if (value == null) {
      throw new ServiceException("not_found", "nothing is kept under this key");
    }
    return new Found(value);
  }

  private synchronized Object set(Request request) {
    Entry entry = request.payloadAs(Entry.class);
    System.out.println("set " + entry.app + "/" + entry.key + ": " + entry.value);
    values.computeIfAbsent(entry.app, first -> new TreeMap<>()).put(entry.key, entry.value);
    watchers.forEach(watcher -> watcher.tell(entry.app, new Change(entry.key, entry.value)));
    return "null";
  }

  /** Answers with what is there, then with each change, until nobody listens any more. */
  private synchronized Flow.Publisher<Change> watch(Request request) {
    String app = request.payloadAs(Entry.class).app;
    System.out.println("watch " + app + ": begins");
    return subscriber -> {
      Watcher watcher = new Watcher(app, subscriber);
      values.getOrDefault(app, Map.of()).forEach((key, value) -> watcher.tell(app, new Change(key, value)));
      watchers.add(watcher);
      subscriber.onSubscribe(watcher);
    };
  }

  /** Somebody who watches an app: what they have not asked for yet waits here. */
  private final class Watcher implements Flow.Subscription {
    private final String app;
    private final Flow.Subscriber<? super Change> subscriber;
    private final BlockingQueue<Change> waiting = new LinkedBlockingQueue<>();
    private long wanted;

    Watcher(String app, Flow.Subscriber<? super Change> subscriber) {
      this.app = app;
      this.subscriber = subscriber;
    }

    void tell(String changed, Change change) {
      if (changed.equals(app)) {
        waiting.add(change);
        request(0);
      }
    }

    @Override
    public synchronized void request(long count) {
      wanted += count;
      while (wanted > 0 && !waiting.isEmpty()) {
        wanted--;
        subscriber.onNext(waiting.remove());
      }
    }

    @Override
    public void cancel() {
      watchers.remove(this);
      System.out.println("watch " + app + ": ends");
    }
  }
}
