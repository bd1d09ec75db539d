package io.buslane;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Flow;
import java.util.function.Consumer;

/** Hands what comes to a subscriber, one after another, on the executor, and only as much as it asked for. */
final class PushedInflow<T> extends Inflow<T> implements Flow.Subscription, Runnable {
  /** Items that are taken at once, at most. */
  private static final int TOGETHER = 64;

  private final Flow.Subscriber<? super T> subscriber;
  private final Consumer<? super Gap> onGap;
  private final int window;
  private final Object keptAlive;

  private long requested;
  private boolean running;
  private boolean begun;
  private volatile IllegalArgumentException misuse;

  PushedInflow(
      Core core,
      long number,
      Flow.Subscriber<? super T> subscriber,
      Consumer<? super Gap> onGap,
      int window,
      Object keptAlive) {
    super(core, number);
    this.subscriber = subscriber;
    this.onGap = onGap;
    this.window = window;
    this.keptAlive = keptAlive;
  }

  /** Tells the subscriber first of all what it may ask by. */
  void begin() {
    try {
      subscriber.onSubscribe(this);
    } catch (Throwable failure) {
      cancel();
      throw failure;
    }
    synchronized (lock) {
      begun = true;
    }
    wake();
  }

  @Override
  public void request(long count) {
    long grant;
    synchronized (lock) {
      if (count <= 0) {
        misuse = new IllegalArgumentException("a subscriber asks for at least one item, not for " + count);
        grant = 0;
      } else {
        requested = requested + count < 0 ? Long.MAX_VALUE : requested + count;
        grant = missing(requested, window);
      }
    }
    grant(grant);
    wake();
  }

  @Override
  public void cancel() {
    if (stop()) {
      cancelOnBus();
    }
  }

  @Override
  void wake() {
    synchronized (lock) {
      if (running || !begun || (isEmpty() && misuse == null)) {
        return;
      }
      running = true;
    }
    Throwable refused = core.offer(this);
    if (refused != null) {
      cancel();
      core.execute(() -> fail(refused));
    }
  }

  @Override
  public void run() {
    List<Object> taken = new ArrayList<>(TOGETHER);
    while (true) {
      long grant;
      synchronized (lock) {
        takeSome(taken);
        if (taken.isEmpty()) {
          running = false;
          return;
        }
        grant = missing(requested, window);
      }
      grant(grant);
      for (Object next : taken) {
        // Whoever cancels, or asks for nothing, in between is handed no more of what was taken.
        if (!isOver() && (misuse == null || next == misuse)) {
          hand(next);
        }
      }
      taken.clear();
    }
  }

  /** Takes what may go out, as much as is handed over without a look at what changed meanwhile. With the lock. */
  private void takeSome(List<Object> taken) {
    if (isOver()) {
      return;
    }
    if (misuse != null) {
      taken.add(misuse);
      return;
    }
    while (taken.size() < TOGETHER && !isEmpty() && mayTake()) {
      Object next = take();
      if (!(next instanceof Gap) && !(next instanceof End) && requested != Long.MAX_VALUE) {
        requested--;
      }
      taken.add(next);
    }
  }

  /** Only what was asked for goes out; gaps and the end always may. With the lock. */
  private boolean mayTake() {
    return requested > 0 || first() instanceof Gap || first() instanceof End;
  }

  private void hand(Object next) {
    try {
      if (next instanceof End end) {
        synchronized (lock) {
          markOver();
        }
        if (end.failure() == null) {
          subscriber.onComplete();
        } else {
          subscriber.onError(end.failure());
        }
      } else if (next instanceof Gap gap) {
        onGap.accept(gap);
      } else if (next instanceof IllegalArgumentException wrong) {
        cancel();
        subscriber.onError(wrong);
      } else {
        @SuppressWarnings("unchecked")
        T item = (T) next;
        subscriber.onNext(item);
      }
    } catch (Throwable failure) {
      Core.LOG.log(System.Logger.Level.WARNING, "a subscriber failed, and is not told more", failure);
      cancel();
    }
  }

  private void fail(Throwable refused) {
    String detail = "the executor takes nothing more, so that the subscription has ended";
    Core.LOG.log(System.Logger.Level.WARNING, detail + ", of " + keptAlive);
    subscriber.onError(BuslaneException.own(ErrorCode.CLOSED, detail, refused));
  }
}
