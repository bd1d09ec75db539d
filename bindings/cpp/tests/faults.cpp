// What goes wrong around a client: no broker, a wrong address, a lost one, callbacks that throw.
#include "broker.hpp"

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

TEST(Faults, a_lazy_client_joins_when_a_broker_appears) {
  Broker broker;
  broker.stop();
  Options options = broker.options();
  options.lazy = true;
  Client bus = Client::connect(options);
  Registration registration =
      bus.register_service(Service("s", "1.0.0").method("m", [](const Request&) { return "1"; }));
  Pending<Reply> pending = bus.request("s:m");
  EXPECT_FALSE(pending.wait_for(1ms));
  broker.start();
  EXPECT_EQ(pending.get().payload().text(), "1");
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

TEST(Faults, whatever_any_callback_throws_is_told_and_stops_nothing) {
  Broker broker;
  Watched<int> told;
  Options options = broker.options();
  options.on_state = [](const ConnectionState&) { throw 7; };
  options.on_exception = [&](std::exception_ptr) {
    told.change([](int& count) { ++count; });
    throw std::runtime_error("the teller throws, too");
  };
  Client bus = Client::connect(options);
  told.wait([](int count) { return count == 1; });
  Watched<int> begun;
  Registration registration =
      bus.register_service(Service("s", "1.0.0")
                               .method("odd", [](const Request&) -> Body { throw 7; })
                               .deferred_method("held", [&](Request request) {
                                 request.on_cancel([request] { throw 7; });
                                 begun.change([](int& count) { ++count; });
                               }));
  EXPECT_EQ(error_of([&] { bus.request("s:odd").get(); }).word(), "service_error");
  told.wait([](int count) { return count == 2; });
  {
    Pending<Reply> pending = bus.request("s:held");
    begun.wait([](int count) { return count == 1; });
  }
  told.wait([](int count) { return count == 3; });
  bus.request("nobody:m", "1", [](const Outcome& outcome) { outcome.reply(); });
  told.wait([](int count) { return count == 4; });
  Subscription watch = bus.watch_presence([](const PresenceEvent&) { throw 7; });
  told.wait([](int count) { return count > 4; });
  bus.flush();
}
