package io.buslane;

/**
 * What one instance answered to a request that several were asked: a reply, or an error.
 *
 * @param from {@code service#instance} that answered or failed, or the address that nothing answers to; never null
 * @param reply what it replied; null if it failed
 * @param failure why it failed; null if it replied
 */
public record Gathered(String from, Reply reply, BuslaneException failure) {
  /**
   * Returns the reply.
   *
   * @return the reply, never null
   * @throws BuslaneException if the instance failed
   */
  public Reply get() {
    if (failure != null) {
      throw failure;
    }
    return reply;
  }
}
