package io.buslane;

import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What a client is behind its public face: its number on the native side, what is under way by number, and whoever
 * listens. Does not know the public face, except through what it keeps alive. Safe for several threads.
 */
final class Core {
  /** The operation that connecting is. */
  static final long CONNECTING = 0L;

  static final System.Logger LOG = System.getLogger("io.buslane");

  final Codec codec;
  final Executor executor;
  final Map<Long, BusFuture<?>> operations = new ConcurrentHashMap<>();
  final Map<Long, Gathering> gatherings = new ConcurrentHashMap<>();
  final Map<Long, Inflow<?>> inflows = new ConcurrentHashMap<>();
  final Map<Long, HostedService> services = new ConcurrentHashMap<>();
  final Map<Long, Invocation> invocations = new ConcurrentHashMap<>();
  final Listeners<ConnectionState> states = new Listeners<>(this);
  final Listeners<Report> reports = new Listeners<>(this);
  volatile ConnectionState state = ConnectionState.connecting();

  private final long client;
  private final AtomicLong numbers = new AtomicLong(CONNECTING + 1);
  private final AtomicBoolean closing = new AtomicBoolean();
  private final CountDownLatch ended = new CountDownLatch(1);
  private volatile Thread poller;
  private volatile boolean finished;

  Core(BlockWriter options, Codec codec, Executor executor) {
    this.codec = codec;
    this.executor = executor;
    this.client = NativeBridge.open(options.bytes(), options.length());
  }

  /** Takes note of the client's own thread, by that thread. */
  void begin() {
    poller = Thread.currentThread();
  }

  /** Waits for what comes; for the client's own thread. */
  int poll(byte[] into) {
    return NativeBridge.poll(client, into);
  }

  /** Takes note that nothing comes any more; for the client's own thread. */
  void finish() {
    NativeBridge.free(client);
    finished = true;
  }

  /** Lets go of those who wait for the end. The last that the client's own thread does: its classes may go as well. */
  void letGo() {
    ended.countDown();
  }

  long newNumber() {
    return numbers.getAndIncrement();
  }

  /** Begins an operation whose end is awaited. What the native side refuses at once fails the future as well. */
  <T> BusFuture<T> begin(Buslane owner, long number, BlockWriter operation) {
    BusFuture<T> future = expect(owner, number);
    try {
      submit(operation);
    } catch (BuslaneException refused) {
      operations.remove(number);
      gatherings.remove(number);
      future.completeExceptionally(refused);
    }
    if (finished) {
      failIfForgotten(future);
    }
    return future;
  }

  /** Makes the future of an operation that is begun elsewhere. */
  <T> BusFuture<T> expect(Buslane owner, long number) {
    BusFuture<T> future = new BusFuture<>(this, owner, number);
    operations.put(number, future);
    return future;
  }

  /** Begins an operation, and returns what there is to answer at once, null for nothing. */
  byte[] submit(BlockWriter operation) {
    byte[] answer = NativeBridge.submit(client, operation.bytes(), operation.length());
    if (answer != null && answer[0] != 0) {
      throw new BuslaneException(new BlockReader(answer, 1, answer.length).problem());
    }
    return answer;
  }

  /** Begins an operation whose refusal concerns nobody: the client may have ended meanwhile. */
  void tell(BlockWriter operation) {
    NativeBridge.submit(client, operation.bytes(), operation.length());
  }

  /** Ends on the bus what a future stands for. */
  void cancel(BusFuture<?> future) {
    gatherings.remove(future.operation);
    if (operations.remove(future.operation, future)) {
      tell(BlockWriter.of(Operation.CANCEL).number(future.operation));
    }
  }

  /** Hands work to the program's executor. Returns why it does not take it, or null. */
  Throwable offer(Runnable work) {
    try {
      executor.execute(work);
      return null;
    } catch (RuntimeException | OutOfMemoryError refused) {
      // Executors reject by an exception of their own choice; one that needs a thread may get none.
      return refused;
    }
  }

  /** Runs something of the program's. Where its executor takes nothing more, elsewhere: nobody may wait in vain. */
  void execute(Runnable work) {
    if (offer(work) != null) {
      ForkJoinPool.commonPool().execute(work);
    }
  }

  /** Begins to leave the bus. */
  void close() {
    if (closing.compareAndSet(false, true)) {
      tell(BlockWriter.of(Operation.CLOSE));
    }
  }

  boolean isClosing() {
    return closing.get();
  }

  /** Waits until the client has left, whatever interrupts. */
  void awaitEnd() {
    if (Thread.currentThread() == poller) {
      // An executor that runs its work at once has brought the program here: what follows this call brings the end.
      return;
    }
    boolean interrupted = false;
    while (true) {
      try {
        ended.await();
        break;
      } catch (InterruptedException again) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** Refuses to wait in the client's own thread, which would wait for itself. */
  void mayWait() {
    if (Thread.currentThread() == poller) {
      throw new IllegalStateException(
          "this thread runs the connection, so that it cannot wait for it: give the builder an executor with threads");
    }
  }

  /** Waits for the end of an operation, as a method that blocks does. */
  static <T> T await(CompletableFuture<T> future) {
    return await(future, () -> future.cancel(false));
  }

  /** Waits for the end of an operation, and does something where the thread is interrupted meanwhile. */
  static <T> T await(CompletableFuture<T> future, Runnable onInterrupt) {
    try {
      return future.get();
    } catch (ExecutionException failure) {
      throw failure.getCause() instanceof BuslaneException known
          ? rethrown(known)
          : BuslaneException.own(ErrorCode.INTERNAL, String.valueOf(failure.getCause()), failure);
    } catch (InterruptedException interrupted) {
      onInterrupt.run();
      Thread.currentThread().interrupt();
      throw BuslaneException.own(ErrorCode.CANCELLED, "the thread was interrupted", interrupted);
    }
  }

  /** Makes an exception with the stack of whoever waited; the client's own thread tells nothing. */
  private static BuslaneException rethrown(BuslaneException known) {
    return new BuslaneException(known.problem(), known);
  }

  private void failIfForgotten(BusFuture<?> future) {
    if (operations.remove(future.operation, future)) {
      future.settle(null, BuslaneException.closed());
    }
  }
}
