package io.buslane;

import java.util.ArrayDeque;
import java.util.List;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;

/** Those who listen to something of a client's: each is told one thing after another, in order, on the executor. */
final class Listeners<T> {
  /** What may wait for a listener that does not come to an end; the oldest give way. */
  private static final int MOST = 256;

  private final Core core;
  private final List<Listener> listeners = new CopyOnWriteArrayList<>();

  Listeners(Core core) {
    this.core = core;
  }

  /** Adds a listener, and tells it something first unless that is null. */
  Watch add(Consumer<? super T> consumer, T first) {
    Listener listener = new Listener(Objects.requireNonNull(consumer, "listener"));
    listeners.add(listener);
    if (first != null) {
      listener.tell(first);
    }
    return () -> listeners.remove(listener);
  }

  void tell(T event) {
    listeners.forEach(listener -> listener.tell(event));
  }

  private final class Listener implements Runnable {
    private final Consumer<? super T> consumer;
    private final Queue<T> waiting = new ArrayDeque<>();
    private boolean running;

    Listener(Consumer<? super T> consumer) {
      this.consumer = consumer;
    }

    void tell(T event) {
      synchronized (waiting) {
        if (waiting.size() == MOST) {
          waiting.remove();
        }
        waiting.add(event);
        if (running) {
          return;
        }
        running = true;
      }
      core.execute(this);
    }

    @Override
    public void run() {
      for (T event = next(); event != null; event = next()) {
        try {
          consumer.accept(event);
        } catch (Throwable failure) {
          Core.LOG.log(System.Logger.Level.WARNING, "a listener failed", failure);
        }
      }
    }

    private T next() {
      synchronized (waiting) {
        T event = waiting.poll();
        running = event != null;
        return event;
      }
    }
  }
}
