// The end of a client and of its handles at a bad moment: during a request, inside a callback, before its handles.
#include "broker.hpp"

#include <optional>

using namespace buslane;
using namespace std::chrono_literals;
using Kind = ConnectionState::Kind;

TEST(Ends, a_client_that_ends_during_a_request_ends_the_request) {
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

TEST(Ends, a_client_may_be_destroyed_inside_a_callback) {
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

TEST(Ends, everything_fails_with_closed_after_close) {
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

TEST(Ends, a_handler_may_destroy_its_registration_and_its_client) {
  Broker broker;
  Client shell = broker.client();
  auto bus = std::make_unique<Client>(broker.client());
  std::unique_ptr<Registration> registration;
  Watched<int> ended;
  registration = std::make_unique<Registration>(
      bus->register_service(Service("s", "1.0.0").deferred_method("m", [&](Request request) {
        registration.reset();
        bus.reset();
        EXPECT_EQ(error_of([&] { request.reply("1"); }).code(), ErrorCode::unknown_delivery);
        ended.change([](int& count) { ++count; });
      })));
  Pending<Reply> pending = shell.request("s:m");
  ended.wait([](int count) { return count == 1; });
  EXPECT_EQ(error_of([&] { pending.get(); }).code(), ErrorCode::outcome_unknown);
}

TEST(Ends, a_callback_of_an_outcome_may_destroy_its_client) {
  Broker broker;
  Watched<std::string> told;
  auto bus = std::make_unique<Client>(broker.client());
  bus->request("nobody:m", "1", [&](const Outcome& outcome) {
    bus.reset();
    told.change([&](std::string& word) { word = outcome.error()->word(); });
  });
  EXPECT_EQ(told.wait([](const std::string& word) { return !word.empty(); }), "no_instance");
}

TEST(Ends, a_callback_of_the_connection_may_close_its_client) {
  Broker broker;
  std::optional<Client> bus;
  Watched<bool> made;
  Watched<std::vector<Kind>> states;
  Options options = broker.options();
  options.on_state = [&](const ConnectionState& state) {
    made.wait([](bool is) { return is; });
    bus->close();
    states.change([&](auto& all) { all.push_back(state.kind); });
  };
  bus.emplace(Client::connect(options));
  made.change([](bool& is) { is = true; });
  const auto all = states.wait([](const auto& all) { return all.size() == 2; });
  EXPECT_EQ(all, (std::vector<Kind>{Kind::connected, Kind::closed}));
}

TEST(Ends, handles_may_outlive_their_client) {
  Broker broker;
  std::optional<Client> bus(broker.client());
  Registration registration = bus->register_service(
      Service("s", "1.0.0").method("m", [](const Request&) { return "1"; }));
  Subscription readings = bus->subscribe("t", [](const Message&) {});
  Pending<Reply> pending = bus->request("s:m");
  ReplyStream stream = bus->request_stream("nobody:m");
  Gathering gathering = bus->gather("@nobody:m");
  Reply reply = pending.get();
  bus.reset();
  EXPECT_EQ(reply.payload().text(), "1");
  EXPECT_EQ(pending.get().payload().text(), "1");
  EXPECT_EQ(registration.name(), "s");
  EXPECT_EQ(error_of([&] { registration.drain(); }).code(), ErrorCode::not_registered);
  EXPECT_EQ(error_of([&] { readings.unsubscribe(); }).code(), ErrorCode::closed);
  while (gathering.next()) {
  }
  EXPECT_EQ(error_of([&] { while (stream.next()) continue; }).code(), ErrorCode::no_instance);
}

TEST(Ends, a_handle_that_was_given_away_says_so) {
  Broker broker;
  Client bus = broker.client();
  const auto is_closed = [](auto&& work) { EXPECT_EQ(error_of(work).code(), ErrorCode::closed); };
  Subscription readings = bus.subscribe("t", [](const Message&) {}), other = std::move(readings);
  is_closed([&] { readings.pause(); });  // NOLINT: moved from, on purpose, as all that follow
  std::move(other).keep();
  is_closed([&] { other.resume(); });
  Pending<Reply> pending = bus.request("nobody:m");
  std::move(pending).detach();
  is_closed([&] { pending.get(); });
  ReplyStream stream = bus.request_stream("nobody:m"), taken = std::move(stream);
  is_closed([&] { stream.next(); });
  Registration registration = bus.register_service(Service("s", "1.0.0"));
  std::move(registration).keep();
  is_closed([&] { registration.name(); });
  Request nothing;
  is_closed([&] { nothing.reply("1"); });
  is_closed([&] { nothing.on_cancel([] {}); });
}
