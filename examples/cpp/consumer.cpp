// A consumer: calls the attic, follows an answer in parts, and shows what errors look like.
#include <buslane/buslane.hpp>
#include <nlohmann/json.hpp>

#include <iostream>

using nlohmann::json;

namespace {

// Shows an error by its code, which is for programs, where it is, and what people read.
std::string shown(const buslane::Error& error) {
  const buslane::Problem& problem = error.problem();
  const std::string place = problem.pointer ? " at \"" + *problem.pointer + '"' : "";
  return error.word() + place + ": " + (problem.detail.empty() ? problem.title : problem.detail);
}

void set(buslane::Client& bus, const std::string& colour) {
  const json input = {{"app", "demo"}, {"key", "colour"}, {"value", colour}};
  bus.request("attic:set", input).get();
  std::cout << "set colour: " << colour << std::endl;
}

void get(buslane::Client& bus, const std::string& what, const json& input) {
  try {
    const buslane::Reply found = bus.request("attic:get", input).get();
    std::cout << "get " << what << ": " << found.payload().as<json>()["value"].get<std::string>() << std::endl;
  } catch (const buslane::Error& error) {
    std::cout << "get " << what << ": " << shown(error) << std::endl;
  }
}

void watch(buslane::Client& bus) {
  auto changes = bus.request_stream("attic:watch", R"({"app":"demo"})");
  while (const auto part = changes.next()) {
    const json change = part->payload().as<json>();
    const std::string value = change["value"];
    std::cout << "watch demo: " << change["key"].get<std::string>() << " is " << value << std::endl;
    if (value != "green") break;
    set(bus, "blue");
  }
}  // of whose end the service hears

void call(buslane::Client& bus) {
  set(bus, "green");
  get(bus, "colour", {{"app", "demo"}, {"key", "colour"}});
  get(bus, "shape", {{"app", "demo"}, {"key", "shape"}});  // of which the service has none
  get(bus, "without a key", {{"app", "demo"}});            // which the broker refuses by the schema
  get(bus, "with a wrong key", {{"app", "demo"}, {"key", 7}});
  watch(bus);
  try {
    bus.request("cellar:get", "{}").get();
  } catch (const buslane::Error& error) {
    std::cout << "cellar: " << shown(error) << std::endl;
  }
}

}  // namespace

int main() {
  try {
    auto bus = buslane::Client::connect();  // BUSLANE_URL, else 127.0.0.1:5959
    call(bus);
  } catch (const buslane::Error& error) {
    std::cerr << "error: " << error.what() << '\n';
    return 1;
  }
  std::cout << "consumer has left" << std::endl;
}
