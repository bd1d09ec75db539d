package io.buslane.bench;

import com.sun.management.OperatingSystemMXBean;
import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.Map;
import java.util.TreeMap;

/** What this process spends from a moment on: processor time, and bytes of the heap by the threads that live by then. */
final class Cost {
  private static final OperatingSystemMXBean PROCESS =
      (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  private final long processorTime = PROCESS.getProcessCpuTime();
  private final long allocated = allocated();

  private Cost() {}

  static Cost begin() {
    return new Cost();
  }

  /** Returns what each of so many messages cost. */
  Map<String, Double> of(int messages) {
    Map<String, Double> figures = new TreeMap<>();
    figures.put("cpu us a message", (PROCESS.getProcessCpuTime() - processorTime) / 1000.0 / messages);
    figures.put("heap bytes a message", (double) (allocated() - allocated) / messages);
    return figures;
  }

  private static long allocated() {
    long all = 0;
    for (long bytes : THREADS.getThreadAllocatedBytes(THREADS.getAllThreadIds())) {
      all += Math.max(0, bytes);
    }
    return all;
  }
}
