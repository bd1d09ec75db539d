// Publishing, subscriptions, gaps and presence.
#include "broker.hpp"

#include <algorithm>
#include <atomic>
#include <thread>

using namespace buslane;
using namespace std::chrono_literals;
using Texts = std::vector<std::string>;

namespace {

// Collects topic and payload of what comes.
std::function<void(const Message&)> into(Watched<Texts>& texts) {
  return [&texts](const Message& message) {
    texts.change([&](Texts& all) { all.push_back(std::string(message.topic()) + " " + std::string(message.payload())); });
  };
}

}  // namespace

TEST(Topics, what_is_published_reaches_whoever_subscribed) {
  Broker broker;
  Client host = broker.client("host"), shell = broker.client();
  Watched<Texts> texts;
  Subscription readings = shell.subscribe("host/+/cpu", into(texts));
  EXPECT_EQ(host.publish_acked("host/a/cpu", "0.25"), 1u);
  host.publish("host/b/cpu", "0.5");
  EXPECT_TRUE(host.try_publish("host/c/cpu", "0.75"));
  EXPECT_EQ(texts.wait([](const Texts& all) { return all.size() == 3; }),
            (Texts{"host/a/cpu 0.25", "host/b/cpu 0.5", "host/c/cpu 0.75"}));
}

TEST(Topics, a_message_outlives_its_callback_and_its_client) {
  Broker broker;
  std::optional<Message> kept;
  {
    Client bus = broker.client("host");
    Watched<int> came;
    Subscription all = bus.subscribe("t", [&](const Message& message) {
      kept = message;
      came.change([](int& count) { ++count; });
    });
    PublishOptions options;
    options.headers = {{"x", "y"}};
    bus.publish("t", "\"text\"", options);
    came.wait([](int count) { return count == 1; });
  }
  EXPECT_EQ(kept->payload().text(), "\"text\"");
  EXPECT_EQ(kept->from(), "host");
  EXPECT_EQ(kept->header("x"), "y");
  EXPECT_EQ(kept->header("z"), std::nullopt);
}

TEST(Topics, a_retained_value_comes_to_late_subscribers_until_it_is_cleared) {
  Broker broker;
  Client bus = broker.client();
  PublishOptions retain;
  retain.retain = true;
  bus.publish_acked("room", "21", retain);
  Watched<Texts> first, second;
  Subscription late = bus.subscribe("room", [&](const Message& message) {
    EXPECT_TRUE(message.is_retained());
    first.change([&](Texts& all) { all.emplace_back(message.payload().text()); });
  });
  EXPECT_EQ(first.wait([](const Texts& all) { return !all.empty(); }), Texts{"21"});
  late.unsubscribe();
  bus.clear_retained("room");
  Subscription later = bus.subscribe("room", into(second));
  bus.publish("room", "22");
  EXPECT_EQ(second.wait([](const Texts& all) { return !all.empty(); }), Texts{"room 22"});
}

TEST(Topics, a_paused_subscription_loses_nothing_that_its_queue_holds) {
  Broker broker;
  Client bus = broker.client();
  Watched<Texts> texts;
  Subscription readings = bus.subscribe("t", into(texts));
  readings.pause();
  for (int number = 0; number < 1000; ++number) bus.publish("t", std::to_string(number));
  bus.flush();
  texts.wait([](const Texts& all) { return all.empty(); });
  readings.resume();
  const Texts all = texts.wait([](const Texts& all) { return all.size() == 1000; });
  EXPECT_EQ(all.back(), "t 999");
}

TEST(Topics, where_a_full_queue_lost_messages_stands_a_gap) {
  Broker broker;
  Client bus = broker.client();
  Watched<std::uint64_t> seen;
  std::atomic<std::uint64_t> missing{0};
  SubscribeOptions options;
  options.queue_bytes = 1000;
  options.on_gap = [&](const Gap& gap) {
    missing += gap.count;
    seen.change([&](std::uint64_t& count) { count += gap.count; });
  };
  Subscription readings = bus.subscribe("t", [&](const Message&) { seen.change([](std::uint64_t& count) { ++count; }); },
                                        options);
  readings.pause();
  for (int number = 0; number < 100; ++number) bus.publish("t", "1");
  bus.flush();
  readings.resume();
  EXPECT_EQ(seen.wait([](std::uint64_t count) { return count >= 100; }), 100u);
  EXPECT_GT(missing, 0u);
}

TEST(Topics, nothing_is_called_after_a_subscription_is_dropped) {
  Broker broker;
  Client bus = broker.client();
  for (int round = 0; round < 20; ++round) {
    auto alive = std::make_unique<std::atomic<int>>(1);
    Subscription readings = bus.subscribe("t", [flag = alive.get()](const Message&) { ASSERT_EQ(flag->load(), 1); });
    for (int number = 0; number < 50; ++number) bus.publish("t", "1");
    { Subscription ending = std::move(readings); }
    *alive = 0;
    alive.reset();
  }
  bus.flush();
}

TEST(Topics, a_publish_that_breaks_a_contract_is_refused_with_its_place) {
  Broker broker;
  Client bus = broker.client();
  Service service("thermometer", "1.0.0");
  service.topic({"room/t", R"({"type":"object","properties":{"celsius":{"type":"number"}}})", false, false, ""});
  Registration registration = bus.register_service(service);
  const Error error = error_of([&] { bus.publish_acked("room/t", R"({"celsius":"warm"})"); });
  EXPECT_EQ(error.code(), ErrorCode::schema_violation);
  EXPECT_EQ(error.problem().pointer, "/celsius");
  EXPECT_EQ(error.problem().keyword, "type");
  EXPECT_EQ(error.problem().expected, "\"number\"");
}

TEST(Topics, services_are_seen_as_they_come_and_go) {
  Broker broker;
  Client bus = broker.client(), other = broker.client();
  const auto hello = [](const Request&) { return "1"; };
  Registration there = other.register_service(Service("there", "1.0.0").method("hello", hello));
  Watched<Texts> seen;
  Subscription watch = bus.watch_presence([&](const PresenceEvent& event) {
    const Texts kinds{"connect", "disconnect", "online", "offline", "snapshot_end"};
    seen.change([&](Texts& all) { all.push_back(kinds[static_cast<int>(event.kind)] + " " + event.service); });
  });
  seen.wait([](const Texts& all) { return !all.empty() && all.back() == "snapshot_end "; });
  { Registration comes = other.register_service(Service("comes", "1.0.0").method("hello", hello)); }
  Texts all = seen.wait([](const Texts& all) { return !all.empty() && all.back() == "offline comes"; });
  // Nothing is promised of the order within the snapshot.
  std::sort(all.begin(), all.begin() + 2);
  EXPECT_EQ(all, (Texts{"connect there", "online there", "snapshot_end ", "connect comes", "online comes",
                        "disconnect comes", "offline comes"}));
}
