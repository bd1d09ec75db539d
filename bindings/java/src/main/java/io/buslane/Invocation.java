package io.buslane;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Flow;
import java.util.concurrent.Future;

/** One call of a handler: runs it, and answers with what comes of it. Safe for several threads. */
final class Invocation {
  private final Core core;
  private final long token;
  private final List<Runnable> onCancel = new ArrayList<>();
  private boolean watched;
  private boolean withdrawn;
  private boolean answered;
  private ReplyParts parts;
  private PartsSubscriber subscriber;

  Invocation(Core core, long token) {
    this.core = core;
    this.token = token;
  }

  Core core() {
    return core;
  }

  /** Runs a handler of any kind. */
  void run(Service.Method method, Request request) {
    try {
      if (method.publisher() != null) {
        subscribe(method.publisher().handle(request));
      } else if (method.stream() != null) {
        stream(method.stream(), request);
      } else {
        answer(method.handler().handle(request));
      }
    } catch (Throwable failure) {
      fail(failure);
      if (failure instanceof InterruptedException) {
        Thread.currentThread().interrupt();
      }
    }
  }

  boolean isCancelled() {
    synchronized (onCancel) {
      if (withdrawn || answered) {
        return withdrawn;
      }
    }
    try {
      return core.submit(BlockWriter.of(Operation.IS_WITHDRAWN).number(token)) != null;
    } catch (BuslaneException closed) {
      return true;
    }
  }

  void onCancel(Runnable action) {
    synchronized (onCancel) {
      if (answered) {
        return;
      }
      if (!withdrawn) {
        onCancel.add(action);
        watch();
        return;
      }
    }
    core.execute(action);
  }

  /** Takes note that nobody waits any more; for the client's thread. */
  void withdraw() {
    core.invocations.remove(token);
    List<Runnable> actions;
    synchronized (onCancel) {
      withdrawn = true;
      actions = List.copyOf(onCancel);
      onCancel.clear();
    }
    if (parts != null) {
      parts.withdraw();
    }
    actions.forEach(core::execute);
  }

  /** Takes note that a part has left; for the client's thread. */
  void taken() {
    if (parts != null) {
      parts.taken();
    }
    PartsSubscriber asking = subscriber;
    if (asking != null) {
      core.execute(asking::taken);
    }
  }

  void chunk(Body body) {
    core.tell(BlockWriter.of(Operation.CHUNK).number(token).body(body));
  }

  void end() {
    finish();
    core.tell(BlockWriter.of(Operation.END).number(token));
  }

  /** Answers with an error; what a program's own futures wrap it in is taken off. */
  void fail(Throwable failure) {
    finish();
    Throwable cause = failure;
    while ((cause instanceof CompletionException || cause instanceof ExecutionException) && cause.getCause() != null) {
      cause = cause.getCause();
    }
    if (cause instanceof BuslaneException own && own.code() == ErrorCode.CANCELLED && isWithdrawn()) {
      return;
    }
    BlockWriter answer = BlockWriter.of(Operation.FAIL).number(token);
    if (cause instanceof ServiceException own) {
      answer.text(own.code()).text(own.getMessage()).block(dataOf(own));
    } else {
      if (!(cause instanceof CancellationException)) {
        Core.LOG.log(System.Logger.Level.WARNING, "a handler failed", cause);
      }
      String title = cause.getMessage() == null ? cause.getClass().getName() : cause.getMessage();
      answer.text(ErrorCode.SERVICE_ERROR.word()).text(title).block(null);
    }
    submitFailure(answer);
  }

  private void answer(Object result) {
    if (!(result instanceof CompletionStage<?> stage)) {
      reply(result);
      return;
    }
    stage.whenComplete(
        (value, failure) -> {
          if (failure == null) {
            reply(value);
          } else {
            fail(failure);
          }
        });
    if (stage instanceof Future<?> future && !future.isDone()) {
      onCancel(() -> future.cancel(true));
    }
  }

  private void reply(Object value) {
    try {
      Body body = Body.of(value, core.codec);
      finish();
      core.submit(BlockWriter.of(Operation.REPLY).number(token).body(body));
    } catch (BuslaneException refused) {
      if (refused.code() != ErrorCode.CLOSED) {
        fail(refused);
      }
    }
  }

  private void stream(StreamHandler handler, Request request) throws Exception {
    synchronized (onCancel) {
      parts = new ReplyParts(this);
      watch();
    }
    handler.handle(request, parts);
    end();
  }

  private void subscribe(Flow.Publisher<?> publisher) {
    subscriber = new PartsSubscriber(this);
    onCancel(subscriber::cancel);
    publisher.subscribe(subscriber);
  }

  /** Asks to be told when nobody waits any more, once. With the lock. */
  private void watch() {
    if (!watched) {
      watched = true;
      core.invocations.put(token, this);
      core.tell(BlockWriter.of(Operation.WATCH).number(token));
    }
  }

  private void finish() {
    synchronized (onCancel) {
      answered = true;
      onCancel.clear();
    }
    core.invocations.remove(token);
  }

  private boolean isWithdrawn() {
    synchronized (onCancel) {
      return withdrawn;
    }
  }

  private void submitFailure(BlockWriter answer) {
    try {
      core.submit(answer);
    } catch (BuslaneException refused) {
      if (refused.code() != ErrorCode.CLOSED) {
        logLeftOut(refused);
      }
    }
  }

  private byte[] dataOf(ServiceException failure) {
    try {
      return failure.data() == null ? null : Body.of(failure.data(), core.codec).content();
    } catch (BuslaneException unwritable) {
      logLeftOut(unwritable);
      return null;
    }
  }

  private static void logLeftOut(BuslaneException reason) {
    Core.LOG.log(System.Logger.Level.WARNING, "the data of a service's error is left out", reason);
  }
}
