package io.buslane;

/**
 * Answers the requests to a method in parts, from a thread that waits while the caller takes no more. Runs on the
 * client's executor, for several requests at once.
 */
@FunctionalInterface
public interface StreamHandler {
  /**
   * Answers a request. The stream ends when this returns.
   *
   * @param request the request, never null
   * @param parts takes what to answer, never null
   * @throws Exception to end the stream with an error, as in {@link MethodHandler#handle}
   */
  void handle(Request request, ReplyParts parts) throws Exception;
}
