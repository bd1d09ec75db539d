// A client that is a global variable ends after `main`, when the local data of the thread is gone already. It still takes
// its leave: what is awaited is told `closed`, and nothing aborts. Run by itself, since it ends a process.
#include "broker.hpp"

#include <cstdio>
#include <optional>

namespace {

// Looks, after the client has ended, at what was told.
struct Witness {
  std::string told;
  ~Witness() {
    if (told == "closed") return;
    std::fprintf(stderr, "what was awaited was told '%s'\n", told.c_str());
    _exit(1);
  }
};

// They are destroyed from the last to the first.
Broker broker;
Witness witness;
std::vector<buslane::Request> held;
std::optional<buslane::Registration> registration;
std::optional<buslane::Subscription> readings;
std::optional<buslane::Client> bus;

}  // namespace

int main() {
  Watched<int> begun;
  bus.emplace(broker.client());
  readings.emplace(bus->subscribe("t", [](const buslane::Message&) {}));
  registration.emplace(bus->register_service(
      buslane::Service("s", "1.0.0").deferred_method("m", [&](buslane::Request request) {
        held.push_back(request);
        begun.change([](int& count) { ++count; });
      })));
  // Has this thread wait, fail and wait again, so that it has local data of every kind.
  bus->flush();
  error_of([] { bus->publish("a//b", "1"); });
  bus->request("s:m", "1", [](const buslane::Outcome& outcome) { witness.told = outcome.error()->word(); });
  begun.wait([](int count) { return count == 1; });
}
