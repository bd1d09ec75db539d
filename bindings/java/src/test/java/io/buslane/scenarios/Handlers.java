package io.buslane.scenarios;

import com.fasterxml.jackson.databind.JsonNode;
import io.buslane.Body;
import io.buslane.Request;
import io.buslane.Service;
import io.buslane.ServiceException;
import io.buslane.TopicContract;
import java.util.ArrayDeque;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;

/** Services with scripted handlers, and a record of what happens to them. */
final class Handlers {
  final Map<String, BlockingQueue<JsonNode>> invocations = new ConcurrentHashMap<>();
  final Map<String, BlockingQueue<JsonNode>> withdrawals = new ConcurrentHashMap<>();
  private final Map<String, Queue<Held>> held = new ConcurrentHashMap<>();

  private record Held(Request request, CompletableFuture<Object> answer) {}

  static BlockingQueue<JsonNode> queue(Map<String, BlockingQueue<JsonNode>> queues, String method) {
    return queues.computeIfAbsent(method, first -> new LinkedBlockingQueue<>());
  }

  /** Makes a service of its declaration, with handlers that do what their answers say. */
  Service build(JsonNode declaration, JsonNode answers) {
    Service service = Service.named(declaration.get("name").asText());
    service.version(declaration.path("version").asText("0.0.0"));
    if (declaration.has("instance")) {
      service.instance(declaration.get("instance").asText());
    }
    declaration.path("groups").forEach(group -> service.group(group.asText()));
    declaration
        .path("methods")
        .properties()
        .forEach(method -> add(service, method.getKey(), method.getValue(), answers.get(method.getKey())));
    declaration
        .path("topics")
        .properties()
        .forEach(topic -> service.topic(contract(topic.getKey(), topic.getValue())));
    declaration
        .path("schemas")
        .properties()
        .forEach(schema -> service.schema(schema.getKey(), schema.getValue().toString()));
    if (declaration.has("meta")) {
      service.meta(declaration.get("meta").toString());
    }
    return service;
  }

  /** Answers the oldest request that a method holds; what comes too late concerns nobody. */
  void answer(String method, JsonNode answer) {
    Held oldest;
    synchronized (held) {
      Queue<Held> waiting = held.get(method);
      oldest = waiting == null ? null : waiting.poll();
    }
    if (oldest == null) {
      throw new AssertionError(method + " holds no request");
    }
    try {
      oldest.answer.complete(reply(answer, oldest.request));
    } catch (ServiceException failure) {
      oldest.answer.completeExceptionally(failure);
    }
  }

  private void add(Service service, String method, JsonNode contract, JsonNode answer) {
    String input = contract.has("input") ? contract.get("input").toString() : null;
    if (answer != null && answer.has("stream")) {
      service.publisherMethod(method, input, request -> parts(method, answer, request));
    } else {
      service.method(method, input, request -> handle(method, answer, request));
    }
    if (contract.has("output")) {
      service.output(method, contract.get("output").toString());
    }
    if (contract.has("description")) {
      service.description(method, contract.get("description").asText());
    }
  }

  private static TopicContract contract(String topic, JsonNode declared) {
    TopicContract contract = TopicContract.of(topic);
    if (declared.has("schema")) {
      contract = contract.schema(declared.get("schema").toString());
    }
    if (declared.has("description")) {
      contract = contract.description(declared.get("description").asText());
    }
    if (declared.path("retain").asBoolean()) {
      contract = contract.retained();
    }
    return declared.path("refuse").asBoolean() ? contract.refuseWhenFull() : contract;
  }

  private Object handle(String method, JsonNode answer, Request request) {
    if (answer != null && !answer.has("hold")) {
      note(method, request);
      return reply(answer, request);
    }
    CompletableFuture<Object> later = new CompletableFuture<>();
    request.onCancel(() -> queue(withdrawals, method).add(Items.bare("withdrawn")));
    synchronized (held) {
      held.computeIfAbsent(method, first -> new ArrayDeque<>()).add(new Held(request, later));
    }
    // A step that answers follows the one that expects the call.
    note(method, request);
    return later;
  }

  private Flow.Publisher<Body> parts(String method, JsonNode answer, Request request) {
    note(method, request);
    request.onCancel(() -> queue(withdrawals, method).add(Items.bare("withdrawn")));
    return subscriber -> subscriber.onSubscribe(new Parts(subscriber, answer));
  }

  private void note(String method, Request request) {
    queue(invocations, method).add(Items.of(request));
  }

  private static Object reply(JsonNode answer, Request request) {
    if (answer.has("reply")) {
      return answer.get("reply").toString();
    } else if (answer.has("echo")) {
      return request.isJson()
          ? request.bytes().length == 0 ? null : request.payload()
          : Body.bytes(request.contentType(), request.bytes());
    }
    JsonNode error = answer.get("error");
    String data = error.has("data") ? error.get("data").toString() : null;
    throw new ServiceException(error.get("code").asText(), error.get("title").asText(), data);
  }

  /** Yields the parts of a scripted stream, and then ends or stays open. */
  private static final class Parts implements Flow.Subscription {
    private final Flow.Subscriber<? super Body> subscriber;
    private final Queue<Body> left = new ArrayDeque<>();
    private final boolean hold;
    private boolean over;

    Parts(Flow.Subscriber<? super Body> subscriber, JsonNode answer) {
      this.subscriber = subscriber;
      this.hold = answer.path("hold").asBoolean();
      answer.get("stream").forEach(value -> left.add(Body.json(value.toString())));
    }

    @Override
    public synchronized void request(long count) {
      for (long index = 0; index < count && !over && !left.isEmpty(); index++) {
        subscriber.onNext(left.remove());
      }
      if (left.isEmpty() && !hold && !over) {
        over = true;
        subscriber.onComplete();
      }
    }

    @Override
    public synchronized void cancel() {
      over = true;
    }
  }
}
