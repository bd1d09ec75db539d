// Many threads on one client.
#include "broker.hpp"

#include <atomic>
#include <thread>

using namespace buslane;

TEST(Threads, sixty_four_of_them_use_one_client) {
  Broker broker;
  Client bus = broker.client();
  std::atomic<int> delivered{0};
  Registration registration = bus.register_service(
      Service("echo", "1.0.0").method("say", [](const Request& request) { return Body(request.payload()); }));
  Subscription all = bus.subscribe("t/#", [&](const Message&) { ++delivered; });
  std::vector<std::thread> threads;
  for (int number = 0; number < 64; ++number) {
    threads.emplace_back([&bus, number] {
      const std::string topic = "t/" + std::to_string(number);
      for (int round = 0; round < 20; ++round) {
        bus.publish(topic, "1");
        const std::string text = std::to_string(number * 1000 + round);
        EXPECT_EQ(bus.request("echo:say", text).get().payload().text(), text);
        Subscription own = bus.subscribe(topic, [](const Message&) {});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  bus.flush();
  bus.close();
  EXPECT_EQ(delivered, 64 * 20);
}
