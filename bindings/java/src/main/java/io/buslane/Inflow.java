package io.buslane;

import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;

/**
 * Something that yields items as far as it is asked to: a subscription, a stream, presence. The client's thread puts in
 * what comes; a {@link PushedInflow} or a {@link BusIterator} takes it out.
 *
 * <p>What is asked of the native side and not taken yet never exceeds a window, so that a slow program costs memory
 * neither here nor there: the rest waits at the broker, under its rules.
 */
abstract class Inflow<T> {
  /** What may be on its way to a consumer that takes everything. */
  static final int WINDOW = 128;

  /** Stands for as many as {@link ReadAhead} says. */
  static final int BY_SIZE = 0;

  final Core core;
  final long number;
  final Object lock = new Object();

  /** Items, gaps, and at the end an {@link End}. */
  private final Queue<Object> waiting = new ArrayDeque<>();

  private final ReadAhead readAhead = new ReadAhead();
  private long onTheirWay;
  private volatile boolean over;

  /** Stands at the end of what comes. */
  record End(BuslaneException failure) {}

  Inflow(Core core, long number) {
    this.core = core;
    this.number = number;
  }

  /** Lets the consumer know that there is something; called without the lock. */
  abstract void wake();

  /** Puts in items and gaps; for the client's thread. */
  final void put(List<?> items) {
    synchronized (lock) {
      if (over) {
        return;
      }
      waiting.addAll(items);
      readAhead.saw(items);
    }
    wake();
  }

  /** Puts in the end; null where nothing failed. */
  final void end(BuslaneException failure) {
    core.inflows.remove(number);
    put(List.of(new End(failure)));
  }

  /** Takes the next item, gap or end; null if there is none. With the lock. */
  final Object take() {
    Object next = waiting.poll();
    if (next != null && !(next instanceof Gap) && !(next instanceof End)) {
      onTheirWay--;
    }
    return next;
  }

  /** Returns the next item, gap or end, and leaves it; null if there is none. With the lock. */
  final Object first() {
    return waiting.peek();
  }

  final boolean isEmpty() {
    return waiting.isEmpty();
  }

  /** Returns how many more to ask for where the consumer wants so many and the window is so wide. With the lock. */
  final long missing(long wanted, int window) {
    int room = window == BY_SIZE ? readAhead.messages() : window;
    long missing = Math.min(wanted, room) - onTheirWay;
    if (over || missing <= 0 || (onTheirWay > 0 && missing < room / 2)) {
      return 0;
    }
    onTheirWay += missing;
    return missing;
  }

  /** Asks for more; without the lock. */
  final void grant(long count) {
    if (count > 0) {
      core.tell(BlockWriter.of(Operation.GRANT).number(number).number(count));
    }
  }

  /** Ends it from this side: nothing more comes out. Returns whether it was not over. */
  final boolean stop() {
    synchronized (lock) {
      if (over) {
        return false;
      }
      over = true;
      waiting.clear();
    }
    return core.inflows.remove(number) != null;
  }

  final boolean isOver() {
    return over;
  }

  /** Takes note that the end was taken. With the lock. */
  final void markOver() {
    over = true;
  }

  /** Ends a subscription on the bus, and waits for the broker's word; where there is none to wait for, it has ended. */
  final void unsubscribe(Buslane owner) {
    long operation = core.newNumber();
    BlockWriter writer = BlockWriter.of(Operation.UNSUBSCRIBE).number(number).number(operation);
    try {
      Core.await(core.begin(owner, operation, writer));
    } catch (BuslaneException ended) {
      Core.LOG.log(System.Logger.Level.DEBUG, "a subscription ended without the broker's word", ended);
    }
  }

  /** Ends it on the bus. */
  final void cancelOnBus() {
    core.tell(BlockWriter.of(Operation.CANCEL).number(number));
  }
}
