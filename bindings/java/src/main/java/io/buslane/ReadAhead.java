package io.buslane;

import java.util.List;

/**
 * How many messages a subscription fetches ahead of the program where that did not say: many small ones, so that few
 * threads are woken, and few large ones. Follows what comes. Not for several threads at once.
 */
final class ReadAhead {
  static final int MOST = 1024;
  static final int FEWEST = 16;

  /** What all of them together shall take. */
  private static final int BYTES = 512 << 10;

  /** What a message takes beside its payload. */
  private static final int BESIDE = 128;

  /** How many messages it takes to forget what those before were like. */
  private static final int MEMORY = 16;

  private long usualBytes = BYTES / 128;

  /** Takes note of what has come. */
  void saw(List<?> items) {
    for (Object item : items) {
      if (item instanceof Message message) {
        long bytes = message.bytes().length + BESIDE;
        // One that is larger counts at once, or many would be asked for at its size.
        usualBytes = Math.max(bytes / MEMORY, usualBytes + (bytes - usualBytes) / MEMORY);
      }
    }
  }

  /** Returns how many to fetch. */
  int messages() {
    return (int) Math.max(FEWEST, Math.min(MOST, BYTES / Math.max(1, usualBytes)));
  }
}
