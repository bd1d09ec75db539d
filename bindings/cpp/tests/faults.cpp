// What goes wrong around a client: no broker, a lost one, the end at a bad moment, fork.
#include "broker.hpp"

#include <thread>

#include <sys/wait.h>
#include <unistd.h>

using namespace buslane;
using namespace std::chrono_literals;
using Kind = ConnectionState::Kind;

TEST(Faults, no_broker_is_told_with_a_hint_or_waited_for) {
  std::string url;
  { Broker broker; url = broker.url(); }
  Options options;
  options.url = url;
  options.connect_timeout = 50ms;
  const Error error = error_of([&] { Client::connect(options); });
  EXPECT_EQ(error.code(), ErrorCode::unreachable);
  EXPECT_NE(std::string(error.what()).find("buslane serve"), std::string::npos) << error.what();
  options.lazy = true;
  Client lazy = Client::connect(options);
  EXPECT_FALSE(lazy.is_connected());
  CallOptions soon;
  soon.timeout = 50ms;
  EXPECT_EQ(error_of([&] { lazy.request("s:m", "1", soon).get(); }).code(), ErrorCode::not_sent);
}

TEST(Faults, a_wrong_address_is_refused) {
  EXPECT_EQ(error_of([] { Client::connect("http://127.0.0.1"); }).code(), ErrorCode::invalid_address);
  EXPECT_EQ(error_of([] { Client::connect("\xff"); }).code(), ErrorCode::invalid_address);
}

TEST(Faults, registrations_and_subscriptions_come_back_with_the_broker) {
  Broker broker;
  Watched<std::vector<Kind>> states;
  Options options = broker.options("back");
  options.on_state = [&](const ConnectionState& state) {
    states.change([&](auto& all) { all.push_back(state.kind); });
  };
  Client bus = Client::connect(options);
  Watched<int> gaps, messages;
  SubscribeOptions with_gaps;
  with_gaps.on_gap = [&](const Gap& gap) {
    EXPECT_TRUE(gap.unknown);
    gaps.change([](int& count) { ++count; });
  };
  Subscription readings =
      bus.subscribe("t", [&](const Message&) { messages.change([](int& count) { ++count; }); }, with_gaps);
  Registration registration =
      bus.register_service(Service("s", "1.0.0").method("m", [](const Request&) { return "1"; }));
  broker.stop();
  states.wait([](const auto& all) { return all.back() == Kind::disconnected; });
  broker.start();
  states.wait([](const auto& all) { return all.back() == Kind::connected; });
  gaps.wait([](int count) { return count == 1; });
  bus.flush();
  bus.publish("t", "1");
  messages.wait([](int count) { return count == 1; });
  EXPECT_EQ(bus.request("s:m").get().payload().text(), "1");
}

TEST(Faults, a_request_in_flight_learns_that_its_broker_was_lost) {
  Broker broker;
  Client bus = broker.client();
  Watched<int> begun;
  std::vector<Request> held;
  Registration registration =
      bus.register_service(Service("s", "1.0.0").deferred_method("m", [&](Request request) {
        held.push_back(request);
        begun.change([](int& count) { ++count; });
      }));
  Pending<Reply> pending = bus.request("s:m");
  begun.wait([](int count) { return count == 1; });
  broker.stop();
  EXPECT_EQ(error_of([&] { pending.get(); }).code(), ErrorCode::outcome_unknown);
}

TEST(Faults, a_client_that_ends_during_a_request_ends_the_request) {
  Broker broker;
  Watched<std::string> told;
  std::optional<Pending<Reply>> waiting;
  std::vector<Request> held;
  {
    Client bus = broker.client();
    Watched<int> begun;
    bus.register_service(Service("s", "1.0.0").deferred_method("m", [&](Request request) {
         held.push_back(request);
         begun.change([](int& count) { ++count; });
       })).keep();
    waiting.emplace(bus.request("s:m"));
    bus.request("s:m", "1", [&](const Outcome& outcome) {
      told.change([&](std::string& word) { word = outcome.error()->word(); });
    });
    begun.wait([](int count) { return count == 2; });
  }
  EXPECT_EQ(told.wait([](const std::string& word) { return !word.empty(); }), "closed");
  EXPECT_EQ(error_of([&] { waiting->get(); }).code(), ErrorCode::closed);
}

TEST(Faults, a_client_may_be_destroyed_inside_a_callback) {
  Broker broker;
  Watched<int> told;
  auto bus = std::make_unique<Client>(broker.client());
  std::unique_ptr<Subscription> readings;
  readings = std::make_unique<Subscription>(bus->subscribe("t", [&](const Message&) {
    readings.reset();
    bus.reset();
    told.change([](int& count) { ++count; });
  }));
  bus->publish("t", "1");
  told.wait([](int count) { return count == 1; });
}

TEST(Faults, a_callback_that_throws_is_told_and_stops_nothing) {
  Broker broker;
  Watched<std::string> told;
  Options options = broker.options();
  options.on_exception = [&](std::exception_ptr exception) {
    try {
      std::rethrow_exception(exception);
    } catch (const std::exception& thrown) {
      told.change([&](std::string& text) { text += thrown.what(); });
    }
  };
  Client bus = Client::connect(options);
  Subscription readings = bus.subscribe("t", [](const Message& message) {
    throw std::runtime_error(std::string(message.payload()));
  });
  bus.publish("t", "1");
  bus.publish("t", "2");
  EXPECT_EQ(told.wait([](const std::string& text) { return text.size() == 2; }), "12");
}

TEST(Faults, everything_fails_with_closed_after_close) {
  Broker broker;
  Client bus = broker.client();
  Registration registration = bus.register_service(Service("s", "1.0.0"));
  Subscription readings = bus.subscribe("t", [](const Message&) {});
  bus.close();
  bus.close();
  EXPECT_EQ(error_of([&] { bus.publish("t", "1"); }).code(), ErrorCode::closed);
  EXPECT_EQ(error_of([&] { bus.request("s:m").get(); }).code(), ErrorCode::closed);
  EXPECT_EQ(error_of([&] { (void)bus.subscribe("t", [](const Message&) {}); }).code(), ErrorCode::closed);
  EXPECT_EQ(error_of([&] { (void)bus.register_service(Service("t", "1.0.0")); }).code(), ErrorCode::closed);
  EXPECT_EQ(error_of([&] { bus.flush(); }).code(), ErrorCode::closed);
  EXPECT_EQ(error_of([&] { registration.unregister(); }).code(), ErrorCode::not_registered);
  EXPECT_EQ(bus.state().kind, Kind::closed);
  Client other = std::move(bus);
  EXPECT_EQ(error_of([&] { bus.flush(); }).code(), ErrorCode::closed);  // NOLINT: moved from, on purpose
}

TEST(Faults, a_forked_child_makes_a_client_of_its_own_and_leaves_the_parents_alone) {
  Broker broker;
  Client bus = broker.client();
  Registration registration =
      bus.register_service(Service("s", "1.0.0").method("m", [](const Request&) { return "1"; }));
  std::optional<Subscription> readings(bus.subscribe("t", [](const Message&) {}));
  const pid_t child = fork();
  if (child == 0) {
    int code = 1;
    try {
      bus.publish("t", "1");
    } catch (const Error& error) {
      readings.reset();
      Client own = broker.client();
      if (error.code() == ErrorCode::closed && own.request("s:m").get().payload().text() == "1") code = 0;
    }
    _exit(code);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_EQ(bus.request("s:m").get().payload().text(), "1");
}
