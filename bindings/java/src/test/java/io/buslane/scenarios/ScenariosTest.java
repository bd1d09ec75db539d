package io.buslane.scenarios;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Plays every scenario of {@code schemas/scenarios} against a broker, over each transport. */
class ScenariosTest {
  @TestFactory
  Stream<DynamicTest> everyScenarioPlays() throws Exception {
    Path folder = Path.of(System.getProperty("buslane.test.root"), "schemas/scenarios");
    List<Path> files;
    try (var all = Files.list(folder)) {
      files = all.filter(ScenariosTest::isScenario).sorted().toList();
    }
    assertTrue(files.size() > 40, "there are no scenarios in " + folder);
    String only = System.getProperty("buslane.test.scenario", "").trim();
    return Stream.of(Stage.Road.values())
        .flatMap(road -> files.stream().flatMap(file -> trial(file, road)))
        .filter(trial -> trial.getDisplayName().contains(only));
  }

  @Test
  void matchersTellWhatFitsFromWhatDoesNot() {
    String[][] cases = {
      {"1", "1.0", "2"},
      {"{\"a\":[1,null]}", "{\"a\":[1,null]}", "{\"a\":[1,null],\"b\":1}"},
      {"[1]", "[1]", "[1,2]"},
      {"{\"$subset\":{\"a\":1}}", "{\"a\":1,\"b\":2}", "{\"b\":2}"},
      {"{\"$contains\":1}", "[2,1]", "[2]"},
      {"{\"$at_least\":2}", "2", "1"},
      {"{\"$between\":[2,4]}", "4", "5"},
      {"{\"$starts_with\":\"a#\"}", "\"a#1\"", "\"b#1\""},
    };
    for (String[] one : cases) {
      assertTrue(Matcher.matches(Items.parse(one[0]), Items.parse(one[1])), one[0] + " takes " + one[1]);
      assertFalse(Matcher.matches(Items.parse(one[0]), Items.parse(one[2])), one[0] + " refuses " + one[2]);
    }
  }

  private static Stream<DynamicTest> trial(Path file, Stage.Road road) {
    JsonNode scenario;
    try {
      scenario = Items.JSON.readTree(file.toFile());
    } catch (java.io.IOException broken) {
      throw new AssertionError(file + " cannot be read", broken);
    }
    if (scenario.path("not_over").has("sdk")) {
      return Stream.of();
    }
    String name = road.name().toLowerCase() + " " + file.getFileName();
    return Stream.of(DynamicTest.dynamicTest(name, () -> Stage.play(scenario, road)));
  }

  private static boolean isScenario(Path file) {
    String name = file.getFileName().toString();
    return name.endsWith(".json") && !name.endsWith(".schema.json") && !name.equals("index.json");
  }
}
