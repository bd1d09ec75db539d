package io.buslane;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;

/**
 * The future of an operation on the bus. Ending it from this side, as by {@code cancel} or {@code orTimeout}, ends it on
 * the bus.
 *
 * <p>The client's thread only leaves the outcome here. A thread that waits takes it from there, so that a lone request
 * costs no further hop; where none waits, the executor completes the future. So what depends on it, which is the
 * program's code, never runs in the client's thread.
 */
final class BusFuture<T> extends CompletableFuture<T> {
  private static final VarHandle WAITER;

  static {
    try {
      WAITER = MethodHandles.lookup().findVarHandle(BusFuture.class, "waiter", Thread.class);
    } catch (ReflectiveOperationException impossible) {
      throw new ExceptionInInitializerError(impossible);
    }
  }

  /** Keeps whoever asked alive while the outcome is awaited. */
  private final Core core;

  private final Buslane owner;
  final long operation;
  private volatile Outcome<T> outcome;
  private volatile Thread waiter;

  private record Outcome<T>(T value, BuslaneException failure) {}

  BusFuture(Core core, Buslane owner, long operation) {
    this.core = core;
    this.owner = owner;
    this.operation = operation;
  }

  /** Leaves the outcome. Called by the client's thread, once. */
  void settle(T value, BuslaneException failure) {
    outcome = new Outcome<>(value, failure);
    Thread waiting = waiter;
    if (waiting != null) {
      LockSupport.unpark(waiting);
    } else {
      core.execute(this::take);
    }
  }

  @Override
  public T get() throws InterruptedException, ExecutionException {
    await(0L);
    return super.get();
  }

  @Override
  public T get(long timeout, TimeUnit unit) throws InterruptedException, ExecutionException, TimeoutException {
    long start = System.nanoTime();
    long bound = unit.toNanos(timeout);
    await(Math.max(1L, bound));
    return super.get(Math.max(0L, bound - (System.nanoTime() - start)), TimeUnit.NANOSECONDS);
  }

  @Override
  public T join() {
    boolean interrupted = false;
    while (!isDone()) {
      try {
        await(0L);
        break;
      } catch (InterruptedException later) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    return super.join();
  }

  @Override
  public boolean cancel(boolean mayInterruptIfRunning) {
    boolean ended = super.cancel(mayInterruptIfRunning);
    if (ended && isCancelled()) {
      endOnBus();
    }
    return ended;
  }

  @Override
  public boolean completeExceptionally(Throwable failure) {
    boolean ended = super.completeExceptionally(failure);
    if (ended) {
      endOnBus();
    }
    return ended;
  }

  @Override
  public boolean complete(T value) {
    boolean ended = super.complete(value);
    if (ended) {
      endOnBus();
    }
    return ended;
  }

  private void endOnBus() {
    wakeWaiter();
    if (outcome == null) {
      core.cancel(this);
    }
  }

  private void wakeWaiter() {
    Thread waiting = waiter;
    if (waiting != null) {
      LockSupport.unpark(waiting);
    }
  }

  /** Waits for the outcome where no other thread does already; a bound of 0 is none. */
  private void await(long nanoseconds) throws InterruptedException {
    if (isDone()) {
      return;
    }
    core.mayWait();
    if (!WAITER.compareAndSet(this, null, Thread.currentThread())) {
      return;
    }
    long start = System.nanoTime();
    try {
      while (outcome == null && !isDone()) {
        if (Thread.interrupted()) {
          throw new InterruptedException();
        }
        if (nanoseconds == 0L) {
          LockSupport.park(this);
        } else {
          long left = nanoseconds - (System.nanoTime() - start);
          if (left <= 0L) {
            return;
          }
          LockSupport.parkNanos(this, left);
        }
      }
    } finally {
      waiter = null;
      // Whoever left the outcome meanwhile saw somebody wait, and did nothing else.
      if (outcome != null) {
        take();
      }
    }
  }

  private void take() {
    Outcome<T> left = outcome;
    if (left.failure() != null) {
      super.completeExceptionally(left.failure());
    } else {
      super.complete(left.value());
    }
  }

  @Override
  public String toString() {
    return super.toString() + " of " + owner;
  }
}
