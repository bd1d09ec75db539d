// A publisher: declares the contract of a topic and publishes readings on it, of which the bus keeps the last.
#include <buslane/buslane.hpp>
#include <nlohmann/json.hpp>

#include <iostream>

#include "ending.hpp"

using nlohmann::json;

namespace {

// Where the readings go, and what they have to look like.
constexpr const char* kTopic = "room/kitchen/temperature";
constexpr const char* kSchema =
    R"({"type":"object","required":["celsius"],"properties":{"celsius":{"type":"number"}}})";

// The last reading, which `thermometer:read` tells as well.
constexpr double kLast = 22.75;

void publish(buslane::Client& bus) {
  for (const double celsius : {20.5, 21.25, kLast}) {
    bus.publish_acked(kTopic, json{{"celsius", celsius}});
    std::cout << "published " << celsius << std::endl;
  }
  try {
    bus.publish_acked(kTopic, json{{"celsius", "warm"}});  // what breaks the contract reaches nobody
  } catch (const buslane::Error& error) {
    std::cout << "refused: " << error.word() << " at \"" << error.problem().pointer.value_or("") << '"' << std::endl;
  }
}

}  // namespace

int main() {
  const Ending ending;
  try {
    auto bus = buslane::Client::connect();  // BUSLANE_URL, else 127.0.0.1:5959
    buslane::TopicContract contract{kTopic, kSchema, true, false, ""};
    auto registered = bus.register_service(
        buslane::Service("thermometer", "1.0.0").topic(contract).method("read", [](const buslane::Request&) {
          return json{{"celsius", kLast}};
        }));
    std::cout << "thermometer is registered" << std::endl;
    publish(bus);
    ending.wait();
  } catch (const buslane::Error& error) {
    std::cerr << "error: " << error.what() << '\n';
    return 1;
  }
  std::cout << "thermometer has left" << std::endl;
}
