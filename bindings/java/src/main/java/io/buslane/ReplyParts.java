package io.buslane;

import java.util.concurrent.Semaphore;

/** Takes the parts of an answer, see {@link StreamHandler}. For one thread at a time. */
public final class ReplyParts {
  /** Parts that may wait here for the caller to take them. */
  static final int AHEAD = 16;

  private final Invocation invocation;
  private final Semaphore room = new Semaphore(AHEAD);
  private volatile boolean withdrawn;

  ReplyParts(Invocation invocation) {
    this.invocation = invocation;
  }

  /**
   * Sends a part; waits while the caller takes no more.
   *
   * @param part what to send, taken as {@link Body} says
   * @throws BuslaneException with {@link ErrorCode#CANCELLED} if nobody takes parts any more, and with {@link
   *     ErrorCode#INVALID_PAYLOAD} if it cannot be written
   * @throws InterruptedException if the thread was interrupted
   */
  public void send(Object part) throws InterruptedException {
    Body body = Body.of(part, invocation.core().codec);
    if (!room.tryAcquire()) {
      invocation.core().mayWait();
      room.acquire();
    }
    if (withdrawn) {
      room.release();
      throw BuslaneException.own(ErrorCode.CANCELLED, "nobody takes parts of this answer any more", null);
    }
    invocation.chunk(body);
  }

  void taken() {
    room.release();
  }

  void withdraw() {
    withdrawn = true;
    room.release();
  }
}
