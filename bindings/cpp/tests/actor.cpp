// Plays one client of a scenario over the C++ SDK. Reads steps and tells what comes, one JSON object a line, as
// schemas/scenarios/runner/program_actor.py says.
#include "actor.hpp"

#include <iostream>

using nlohmann::json;

int main() {
  Actor actor;
  std::string line;
  while (std::getline(std::cin, line)) {
    const json step = json::parse(line);
    try {
      json answer = actor.act(step);
      answer["done"] = step["number"];
      tell(answer);
    } catch (const buslane::Error& error) {
      tell({{"refused", step["number"]}, {"error", of_error(error)}});
    } catch (const std::exception& error) {
      tell({{"refused", step["number"]}, {"error", {{"code", "actor"}, {"title", error.what()}}}});
    }
  }
  return 0;
}
