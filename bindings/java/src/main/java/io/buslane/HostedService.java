package io.buslane;

import java.util.List;

/** The handlers of one registration, by the order in which they were declared. Keeps its client alive. */
record HostedService(Core core, List<Service.Method> methods, Buslane owner) {
  /** Starts the handler of a request that came in; for the client's thread. */
  void invoke(int number, Invocation invocation, Request request) {
    Service.Method method = methods.get(number);
    Throwable refused = core.offer(() -> invocation.run(method, request));
    if (refused != null) {
      invocation.fail(
          new ServiceException(ErrorCode.SERVICE_ERROR.word(), "the service's executor takes nothing more"));
    }
  }
}
