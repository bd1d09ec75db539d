package io.buslane;

import java.util.List;
import java.util.concurrent.RejectedExecutionException;

/** The handlers of one registration, by the order in which they were declared. Keeps its client alive. */
record HostedService(Core core, List<Service.Method> methods, Buslane owner) {
  /** Starts the handler of a request that came in; for the client's thread. */
  void invoke(long token, BlockReader reader) {
    Service.Method method = methods.get(reader.number());
    Invocation invocation = new Invocation(core, token);
    Request request =
        new Request(
            invocation,
            reader.text(),
            reader.text(),
            reader.octet(),
            reader.large(),
            reader.flag(),
            reader.parcel(core.codec));
    try {
      core.executor.execute(() -> invocation.run(method, request));
    } catch (RejectedExecutionException refused) {
      invocation.fail(
          new ServiceException(ErrorCode.SERVICE_ERROR.word(), "the service's executor takes nothing more"));
    }
  }
}
