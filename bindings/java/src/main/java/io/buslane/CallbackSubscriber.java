package io.buslane;

import java.util.Objects;
import java.util.concurrent.Flow;
import java.util.function.Consumer;

/** A subscriber that takes everything and tells a callback. */
record CallbackSubscriber<T>(Consumer<? super T> callback) implements Flow.Subscriber<T> {
  CallbackSubscriber {
    Objects.requireNonNull(callback, "callback");
  }

  @Override
  public void onSubscribe(Flow.Subscription subscription) {
    subscription.request(Long.MAX_VALUE);
  }

  @Override
  public void onNext(T item) {
    callback.accept(item);
  }

  @Override
  public void onError(Throwable failure) {
    Core.LOG.log(System.Logger.Level.WARNING, "a subscription has ended", failure);
  }

  @Override
  public void onComplete() {
    // The client has ended, and whoever closed it knows.
  }
}
