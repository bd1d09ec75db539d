package io.buslane;

import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.function.Consumer;

/**
 * What a subscription or a stream yields, taken by a thread that waits. Close it to end the subscription or to cancel
 * the stream; it ends by itself with the client. For one thread at a time; any thread may close it.
 *
 * @param <T> what it yields
 */
public final class BusIterator<T> extends Inflow<T> implements Iterator<T>, AutoCloseable {
  private final int window;
  private final Consumer<? super Gap> onGap;
  private final Buslane owner;
  private final boolean subscribed;
  private T next;
  private boolean ended;

  /** Makes the iterator of a stream. */
  BusIterator(Buslane owner, Core core, long number) {
    super(core, number);
    this.owner = owner;
    this.window = 1;
    this.onGap = gap -> {};
    this.subscribed = false;
  }

  /** Makes the iterator of a subscription. */
  BusIterator(Buslane owner, Core core, long number, Subscribe subscribe) {
    super(core, number);
    this.owner = owner;
    this.window = subscribe.window();
    this.onGap = subscribe.gapListener();
    this.subscribed = true;
  }

  /**
   * Waits for the next item, or for the end.
   *
   * @return whether there is another one
   * @throws BuslaneException if the stream failed, or with {@link ErrorCode#CANCELLED} if the thread was interrupted
   */
  @Override
  public boolean hasNext() {
    while (next == null && !ended) {
      Object taken = await();
      if (taken instanceof Gap gap) {
        onGap.accept(gap);
      } else if (taken instanceof End end) {
        ended = true;
        if (end.failure() != null) {
          throw end.failure();
        }
      } else {
        @SuppressWarnings("unchecked")
        T item = (T) taken;
        next = item;
      }
    }
    return next != null;
  }

  /**
   * Waits for the next item.
   *
   * @return the item, never null
   * @throws NoSuchElementException after the end
   * @throws BuslaneException if the stream failed, or with {@link ErrorCode#CANCELLED} if the thread was interrupted
   */
  @Override
  public T next() {
    if (!hasNext()) {
      throw new NoSuchElementException("it has ended, of " + owner);
    }
    T taken = next;
    next = null;
    return taken;
  }

  /** Ends it; a subscription with the broker's word. Closing again does nothing. */
  @Override
  public void close() {
    if (stop()) {
      wake();
      if (subscribed) {
        unsubscribe(owner);
      } else {
        cancelOnBus();
      }
    }
  }

  @Override
  void wake() {
    synchronized (lock) {
      lock.notifyAll();
    }
  }

  private Object await() {
    while (true) {
      long grant;
      synchronized (lock) {
        if (isOver()) {
          return new End(null);
        }
        Object taken = take();
        if (taken instanceof End) {
          markOver();
        }
        if (taken != null) {
          return taken;
        }
        grant = missing(Long.MAX_VALUE, window);
        if (grant == 0) {
          pause();
        }
      }
      grant(grant);
    }
  }

  private void pause() {
    core.mayWait();
    try {
      lock.wait();
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      throw BuslaneException.own(ErrorCode.CANCELLED, "the thread was interrupted", interrupted);
    }
  }
}
