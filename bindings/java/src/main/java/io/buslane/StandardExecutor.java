package io.buslane;

import java.lang.reflect.InvocationTargetException;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** Where handlers and callbacks run unless the program says: a virtual thread each, or, before Java 21, daemon threads. */
final class StandardExecutor {
  /** Threads where the JVM has no virtual ones; what does not fit waits. They end after a minute without work. */
  private static final int THREADS = 64;

  static final Executor INSTANCE = find();

  private StandardExecutor() {}

  private static Executor find() {
    try {
      return (Executor) Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
    } catch (NoSuchMethodException | IllegalAccessException | InvocationTargetException before21) {
      return threads();
    }
  }

  private static Executor threads() {
    AtomicInteger number = new AtomicInteger();
    ThreadFactory daemons =
        work -> {
          Thread thread = new Thread(work, "buslane-" + number.incrementAndGet());
          thread.setDaemon(true);
          return thread;
        };
    ThreadPoolExecutor executor =
        new ThreadPoolExecutor(THREADS, THREADS, 1, TimeUnit.MINUTES, new LinkedBlockingQueue<>(), daemons);
    executor.allowCoreThreadTimeOut(true);
    return executor;
  }
}
