package io.buslane;

import java.util.concurrent.Flow;

/** Sends what a publisher yields as parts of an answer, and asks it for no more than the caller takes. */
final class PartsSubscriber implements Flow.Subscriber<Object> {
  private final Invocation invocation;
  private Flow.Subscription subscription;
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
    offered.request(ReplyParts.AHEAD);
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
    Flow.Subscription asked;
    synchronized (this) {
      asked = over ? null : subscription;
    }
    if (asked != null) {
      asked.request(1);
    }
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

  private synchronized boolean finish() {
    boolean first = !over;
    over = true;
    return first;
  }

  private synchronized boolean isOver() {
    return over;
  }
}
