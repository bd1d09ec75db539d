package io.buslane.scenarios;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;

/** Compares what came with what a scenario expects. */
final class Matcher {
  private Matcher() {}

  /** Finds the members that are not as expected. */
  static List<String> differences(JsonNode expected, JsonNode found) {
    List<String> wrong = new ArrayList<>();
    expected.properties()
        .forEach(
            member -> {
              JsonNode there = found.get(member.getKey());
              if (!matches(member.getValue(), there)) {
                wrong.add(member.getKey() + ": expected " + member.getValue() + ", found " + there);
              }
            });
    return wrong;
  }

  /** Tells whether a value, or the lack of one, is what a matcher asks for. */
  static boolean matches(JsonNode expected, JsonNode found) {
    if (expected.isObject() && expected.size() == 1 && expected.fieldNames().next().startsWith("$")) {
      return special(expected.fieldNames().next(), expected.elements().next(), found);
    }
    if (found == null) {
      return false;
    }
    if (expected.isNumber()) {
      return found.isNumber() && expected.asDouble() == found.asDouble();
    }
    if (expected.isObject()) {
      return found.isObject() && expected.size() == found.size() && differences(expected, found).isEmpty();
    }
    if (!expected.isArray()) {
      return expected.equals(found);
    }
    if (!found.isArray() || expected.size() != found.size()) {
      return false;
    }
    for (int index = 0; index < expected.size(); index++) {
      if (!matches(expected.get(index), found.get(index))) {
        return false;
      }
    }
    return true;
  }

  private static boolean special(String kind, JsonNode argument, JsonNode found) {
    if (kind.equals("$any")) {
      return true;
    }
    if (found == null) {
      return false;
    }
    return switch (kind) {
      case "$subset" -> found.isObject() && differences(argument, found).isEmpty();
      case "$contains" -> {
        boolean there = false;
        for (JsonNode element : found) {
          there |= matches(argument, element);
        }
        yield found.isArray() && there;
      }
      case "$at_least" -> found.isNumber() && found.asDouble() >= argument.asDouble();
      case "$between" ->
          found.isNumber()
              && found.asDouble() >= argument.get(0).asDouble()
              && found.asDouble() <= argument.get(1).asDouble();
      case "$starts_with" -> found.isTextual() && found.asText().startsWith(argument.asText());
      default -> false;
    };
  }
}
