package io.buslane;

import java.util.concurrent.Flow;

/** Answers the requests to a method in parts, by a publisher. Runs on the client's executor. */
@FunctionalInterface
public interface PublisherHandler {
  /**
   * Answers a request. The publisher is asked for no more than the caller takes, and cancelled when the caller goes
   * away.
   *
   * @param request the request, never null
   * @return what yields the parts, each taken as {@link Body} says; not null
   * @throws Exception to fail the request, as in {@link MethodHandler#handle}
   */
  Flow.Publisher<?> handle(Request request) throws Exception;
}
