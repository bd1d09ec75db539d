package io.buslane;

/** Answers the requests to a method. Runs on the client's executor, for several requests at once. */
@FunctionalInterface
public interface MethodHandler {
  /**
   * Answers a request, directly or later.
   *
   * @param request the request, never null
   * @return what to reply, taken as {@link Body} says; or a {@link java.util.concurrent.CompletionStage} of that, which
   *     is cancelled, if it is a future, when nobody waits for the answer any more
   * @throws Exception to fail the request: a {@link ServiceException} with the service's own error, any other as {@code
   *     service_error}
   */
  Object handle(Request request) throws Exception;
}
