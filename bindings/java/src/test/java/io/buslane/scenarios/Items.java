package io.buslane.scenarios;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.buslane.Body;
import io.buslane.BuslaneException;
import io.buslane.Carrier;
import io.buslane.Gap;
import io.buslane.Gathered;
import io.buslane.Message;
import io.buslane.Problem;
import io.buslane.Report;
import io.buslane.Request;
import java.util.Base64;
import java.util.Locale;

/** What comes, as the JSON objects that expectations are compared with; and what goes, as scenarios write it. */
final class Items {
  static final ObjectMapper JSON = new ObjectMapper();

  private Items() {}

  static ObjectNode bare(String kind) {
    return JSON.createObjectNode().put("expect", kind);
  }

  static ObjectNode of(String kind, Carrier carrier) {
    ObjectNode item = bare(kind).put("from", carrier.from());
    byte[] bytes = carrier.bytes();
    if (carrier.isJson() && bytes.length > 0) {
      item.set("payload", parse(carrier.payload()));
      item.put("payload_text", carrier.payload());
    } else if (bytes.length > 0) {
      item.put("payload_base64", Base64.getEncoder().encodeToString(bytes));
    }
    item.put("content_type", carrier.contentType());
    ObjectNode own = item.putObject("headers");
    ObjectNode content = item.putObject("content");
    carrier
        .headers()
        .forEach(
            (name, value) -> {
              if (name.startsWith(":")) {
                content.set(name.substring(1).replace('-', '_'), contentValue(name.substring(1), value));
              } else {
                own.put(name, value);
              }
            });
    return item;
  }

  static ObjectNode of(Message message) {
    ObjectNode item =
        of("delivery", message)
            .put("topic", message.topic())
            .put("retained", message.isRetained())
            .put("snapshot", message.isSnapshot());
    message.shared().ifPresent(shared -> item.put("shared", shared));
    return item;
  }

  static ObjectNode of(Gap gap) {
    return bare("gap").put("count", gap.count()).put("unknown", gap.unknown());
  }

  static ObjectNode of(Request request) {
    ObjectNode item = of("invoked", request).put("attempt", request.attempt());
    item.set("expires_in_ms", JSON.valueToTree(request.timeLeft().map(left -> left.toMillis()).orElse(null)));
    return item;
  }

  static ObjectNode of(BuslaneException failure) {
    ObjectNode item = bare("error");
    item.set("error", of(failure.problem()));
    return item;
  }

  static ObjectNode of(Gathered gathered) {
    return gathered.failure() == null
        ? of("reply", gathered.reply())
        : of(gathered.failure()).put("from", gathered.from());
  }

  static ObjectNode of(Report report) {
    ObjectNode item = bare("report");
    item.set("error", of(report.problem()));
    return item;
  }

  static ObjectNode of(Problem problem) {
    ObjectNode node = JSON.createObjectNode();
    node.put("type", problem.uri()).put("title", problem.title()).put("status", problem.status());
    node.put("code", problem.code()).put("origin", problem.origin().name().toLowerCase(Locale.ROOT));
    putIfThere(node, "detail", problem.detail());
    putIfThere(node, "address", problem.address());
    putIfThere(node, "pointer", problem.pointer());
    putIfThere(node, "keyword", problem.keyword());
    if (problem.expected() != null) {
      node.set("expected", parse(problem.expected()));
    }
    if (problem.data() != null) {
      node.set("data", parse(problem.data()));
    }
    return node;
  }

  /** Makes the payload of a step. */
  static Body body(JsonNode step) {
    if (step.has("payload")) {
      return Body.json(step.get("payload").toString());
    } else if (step.has("payload_text")) {
      return Body.json(step.get("payload_text").asText());
    } else if (step.has("payload_base64")) {
      byte[] bytes = Base64.getDecoder().decode(step.get("payload_base64").asText());
      return Body.bytes(step.path("content_type").asText(""), bytes);
    } else if (step.has("payload_bytes")) {
      return Body.json("\"" + "x".repeat(step.get("payload_bytes").asInt()) + "\"");
    }
    return Body.none();
  }

  static JsonNode parse(String json) {
    try {
      return JSON.readTree(json);
    } catch (JsonProcessingException broken) {
      throw new AssertionError("no JSON: " + json, broken);
    }
  }

  private static JsonNode contentValue(String name, String value) {
    boolean number = name.equals("sent-at") || name.equals("attempts") || name.equals("status");
    return number ? JSON.valueToTree(Long.parseLong(value)) : JSON.valueToTree(value);
  }

  private static void putIfThere(ObjectNode node, String name, String value) {
    if (value != null) {
      node.put(name, value);
    }
  }
}
