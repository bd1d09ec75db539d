// The program of docs/cpp.md: calls a service, listens, and publishes.
#include <buslane/buslane.hpp>

#include <future>
#include <iostream>

int main() {
  auto bus = buslane::Client::connect();  // BUSLANE_URL, else 127.0.0.1:5959
  auto found = bus.request("attic:get", R"({"app":"demo","key":"colour"})").get();
  std::cout << "the colour is " << found.payload() << '\n';

  std::promise<void> heard;
  auto temperatures = bus.subscribe("room/+/temperature", [&](const buslane::Message& reading) {
    std::cout << reading.topic() << ' ' << reading.payload() << '\n';
    if (!reading.is_retained()) heard.set_value();
  });
  bus.publish("room/attic/temperature", R"({"celsius":19})");
  heard.get_future().wait();
}
