// A watcher: sees services come and go, and listens to readings, the last ones from before its time included.
#include <buslane/buslane.hpp>
#include <nlohmann/json.hpp>

#include <future>
#include <iostream>
#include <mutex>

#include "ending.hpp"

namespace {

void see(const buslane::PresenceEvent& event) {
  using Kind = buslane::PresenceEvent::Kind;
  if (event.kind == Kind::online) std::cout << event.service << (event.snapshot ? " is there" : " came") << std::endl;
  if (event.kind == Kind::offline) std::cout << event.service << " went" << std::endl;
  if (event.kind == Kind::snapshot_end) std::cout << "nobody else is there" << std::endl;
}

void hear(const buslane::Message& message) {
  const double celsius = message.payload().as<nlohmann::json>()["celsius"];
  std::cout << message.topic() << ": " << celsius << (message.is_retained() ? " (kept)" : "") << std::endl;
}

}  // namespace

int main() {
  const Ending ending;
  try {
    auto bus = buslane::Client::connect();  // BUSLANE_URL, else 127.0.0.1:5959
    std::promise<void> told;  // who is there comes before what they say
    std::once_flag once;
    auto presence = bus.watch_presence([&](const buslane::PresenceEvent& event) {
      see(event);
      const bool end = event.kind == buslane::PresenceEvent::Kind::snapshot_end;
      if (end) std::call_once(once, [&] { told.set_value(); });
    });
    told.get_future().wait();
    auto readings = bus.subscribe("room/+/temperature", hear);
    ending.wait();
  } catch (const buslane::Error& error) {
    std::cerr << "error: " << error.what() << '\n';
    return 1;
  }
  std::cout << "watcher has left" << std::endl;
}
