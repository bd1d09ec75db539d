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

TEST(Threads, handles_end_in_many_of_them_while_their_callbacks_run) {
  Broker broker;
  Client bus = broker.client();
  std::atomic<bool> busy{true};
  std::thread publisher([&] {
    while (busy) bus.publish_acked("t", "1");
  });
  std::vector<std::thread> threads;
  for (int number = 0; number < 8; ++number) {
    threads.emplace_back([&bus, number] {
      for (int round = 0; round < 10; ++round) {
        auto count = std::make_unique<std::atomic<int>>(0);
        Watched<int> heard;
        Subscription readings = bus.subscribe("t", [&heard, count = count.get()](const Message&) {
          ++*count;
          heard.change([](int& heard) { heard = 1; });
        });
        Registration registration = bus.register_service(
            Service("s" + std::to_string(number), "1.0.0").method("m", [count = count.get()](const Request&) {
              ++*count;
              return "1";
            }));
        // Nobody waits for the callback itself to return, so it holds what it changes.
        const auto told = std::make_shared<Watched<int>>();
        bus.request("s" + std::to_string(number) + ":m", "1", [told](const Outcome& outcome) {
          EXPECT_TRUE(outcome) << outcome.error()->what();
          told->change([](int& told) { ++told; });
        });
        told->wait([](int told) { return told == 1; });
        heard.wait([](int heard) { return heard == 1; });
        { Registration ending = std::move(registration); }
        { Subscription ending = std::move(readings); }
        count.reset();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  busy = false;
  publisher.join();
}
