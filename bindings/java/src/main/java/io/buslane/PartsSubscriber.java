package io.buslane;

import java.util.concurrent.Flow;

/** Sends what a publisher yields as parts of an answer, and asks it for no more than the caller takes. */
final class PartsSubscriber implements Flow.Subscriber<Object> {
  private final Invocation invocation;
  private Flow.Subscription subscription;
  private long wanted;
  private boolean asking;
  private boolean over;

  PartsSubscriber(Invocation invocation) {
    this.invocation = invocation;
  }

  @Override
  public void onSubscribe(Flow.Subscription offered) {
    synchronized (this) {
      if (subscription != null || over) {
        offered.cancel();
        return;
      }
      subscription = offered;
    }
    ask(ReplyParts.AHEAD);
  }

  @Override
  public void onNext(Object part) {
    Body body;
    try {
      body = Body.of(part, invocation.core().codec);
    } catch (BuslaneException unwritable) {
      cancel();
      invocation.fail(unwritable);
      return;
    }
    if (!isOver()) {
      invocation.chunk(body);
    }
  }

  @Override
  public void onError(Throwable failure) {
    if (finish()) {
      invocation.fail(failure);
    }
  }

  @Override
  public void onComplete() {
    if (finish()) {
      invocation.end();
    }
  }

  /** Takes note that the caller took a part. */
  void taken() {
    ask(1);
  }

  void cancel() {
    Flow.Subscription ended;
    synchronized (this) {
      ended = over ? null : subscription;
      over = true;
    }
    if (ended != null) {
      ended.cancel();
    }
  }

  /** Asks for more. A publisher may rely on being asked by one at a time, and the caller takes on another thread. */
  private void ask(long count) {
    synchronized (this) {
      wanted += count;
      if (asking) {
        return;
      }
      asking = true;
    }
    try {
      for (long next = next(); next > 0; next = next()) {
        subscription.request(next);
      }
    } catch (RuntimeException | Error failure) {
      stopAsking();
      throw failure;
    }
  }

  /** How much is to be asked for now; after 0 nobody asks. */
  private synchronized long next() {
    long next = over || subscription == null ? 0 : wanted;
    wanted -= next;
    asking = next > 0;
    return next;
  }

  private synchronized void stopAsking() {
    asking = false;
  }

  private synchronized boolean finish() {
    boolean first = !over;
    over = true;
    return first;
  }

  private synchronized boolean isOver() {
    return over;
  }
}
