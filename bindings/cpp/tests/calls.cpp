// Requests, streams and gathered replies.
#include "broker.hpp"

#include <nlohmann/json.hpp>

#include <atomic>
#include <thread>

using namespace buslane;
using namespace std::chrono_literals;

namespace {

Service echo(const std::string& name = "echo") {
  Service service(name, "1.0.0");
  service.method("say", [](const Request& request) { return Body(request.payload()); });
  return service;
}

}  // namespace

TEST(Calls, a_request_is_answered_by_the_service_that_offers_the_method) {
  Broker broker;
  Client attic = broker.client(), shell = broker.client();
  Registration registration = attic.register_service(echo());
  Reply reply = shell.request("echo:say", R"({"a": 1.50})").get();
  EXPECT_EQ(reply.payload().text(), R"({"a": 1.50})");
  EXPECT_EQ(reply.from(), "echo#" + registration.instance());
  EXPECT_EQ(reply.payload().as<nlohmann::json>()["a"], 1.5);
}

TEST(Calls, a_value_of_a_json_library_is_a_body) {
  Broker broker;
  Client bus = broker.client();
  Registration registration = bus.register_service(echo());
  const nlohmann::json value = {{"name", "Ada"}};
  EXPECT_EQ(bus.request("echo:say", value).get().payload().as<nlohmann::json>(), value);
}

TEST(Calls, bytes_keep_their_content_type) {
  Broker broker;
  Client bus = broker.client();
  Registration registration = bus.register_service(echo());
  const std::string bytes("\x00\xff\x01", 3);
  Reply reply = bus.request("echo:say", Body::bytes("image/png", bytes)).get();
  EXPECT_EQ(reply.payload().text(), bytes);
  EXPECT_EQ(reply.payload().content_type(), "image/png");
  EXPECT_FALSE(reply.payload().is_json());
}

TEST(Calls, headers_travel_with_a_request) {
  Broker broker;
  Client bus = broker.client();
  Service service("traced", "1.0.0");
  service.method("say", [](const Request& request) { return '"' + request.header("traceparent").value_or("") + '"'; });
  Registration registration = bus.register_service(service);
  CallOptions options;
  options.headers = {{"traceparent", "00-1-2-03"}};
  EXPECT_EQ(bus.request("traced:say", "1", options).get().payload().text(), "\"00-1-2-03\"");
}

TEST(Calls, a_callback_is_told_the_outcome_once) {
  Broker broker;
  Client bus = broker.client();
  Registration registration = bus.register_service(echo());
  Watched<std::vector<std::string>> outcomes;
  bus.request("echo:say", "7", [&](const Outcome& outcome) {
    outcomes.change([&](auto& all) { all.emplace_back(outcome.reply().payload().text()); });
  });
  bus.request("nobody:say", "7", [&](const Outcome& outcome) {
    outcomes.change([&](auto& all) { all.push_back(outcome.error()->word()); });
  });
  auto all = outcomes.wait([](const auto& all) { return all.size() == 2; });
  std::sort(all.begin(), all.end());
  EXPECT_EQ(all, (std::vector<std::string>{"7", "no_instance"}));
}

TEST(Calls, a_callback_given_after_the_end_is_told_too) {
  Broker broker;
  Client bus = broker.client();
  Registration registration = bus.register_service(echo());
  Pending<Reply> pending = bus.request("echo:say", "7");
  pending.get();
  Watched<int> told;
  std::move(pending).then([&](const Outcome&) { told.change([](int& count) { ++count; }); });
  EXPECT_EQ(told.wait([](int count) { return count > 0; }), 1);
}

TEST(Calls, a_request_that_nobody_answers_ends_at_its_deadline) {
  Broker broker;
  Client bus = broker.client();
  Watched<int> withdrawn;
  Service service("slow", "1.0.0");
  service.deferred_method("say", [&](Request request) {
    request.on_cancel([&withdrawn, request] { withdrawn.change([](int& count) { ++count; }); });
  });
  Registration registration = bus.register_service(service);
  CallOptions options;
  options.timeout = 50ms;
  Pending<Reply> pending = bus.request("slow:say", "1", options);
  EXPECT_EQ(error_of([&] { pending.get(); }).code(), ErrorCode::deadline_exceeded);
  EXPECT_EQ(withdrawn.wait([](int count) { return count > 0; }), 1);
}

TEST(Calls, a_cancelled_request_is_withdrawn_at_the_service) {
  Broker broker;
  Client bus = broker.client();
  Watched<int> begun, withdrawn;
  Service service("slow", "1.0.0");
  service.deferred_method("say", [&](Request request) {
    request.on_cancel([&withdrawn, request] { withdrawn.change([](int& count) { ++count; }); });
    begun.change([](int& count) { ++count; });
  });
  Registration registration = bus.register_service(service);
  Pending<Reply> pending = bus.request("slow:say", "1");
  begun.wait([](int count) { return count == 1; });
  EXPECT_FALSE(pending.has_ended());
  EXPECT_TRUE(pending.cancel());
  EXPECT_FALSE(pending.cancel());
  EXPECT_EQ(error_of([&] { pending.get(); }).code(), ErrorCode::cancelled);
  withdrawn.wait([](int count) { return count == 1; });
}

TEST(Calls, a_pending_reply_that_is_dropped_takes_its_request_back) {
  Broker broker;
  Client bus = broker.client();
  Watched<int> begun, withdrawn;
  Service service("slow", "1.0.0");
  service.deferred_method("say", [&](Request request) {
    request.on_cancel([&withdrawn, request] { withdrawn.change([](int& count) { ++count; }); });
    begun.change([](int& count) { ++count; });
  });
  Registration registration = bus.register_service(service);
  {
    Pending<Reply> pending = bus.request("slow:say", "1");
    begun.wait([](int count) { return count == 1; });
  }
  withdrawn.wait([](int count) { return count == 1; });
}

TEST(Calls, a_stream_yields_its_parts_in_order_and_ends) {
  Broker broker;
  Client bus = broker.client();
  std::vector<std::thread> threads;
  Service service("counter", "1.0.0");
  service.deferred_method("count", [&](Request request) {
    EXPECT_TRUE(request.wants_stream());
    threads.emplace_back([request]() mutable {
      for (int number = 0; number < 300; ++number) request.chunk(std::to_string(number));
      request.end();
    });
  });
  Registration registration = bus.register_service(service);
  CallOptions options;
  options.credit = 4;
  ReplyStream stream = bus.request_stream("counter:count", "null", options);
  int expected = 0;
  while (std::optional<Reply> part = stream.next()) EXPECT_EQ(part->payload().text(), std::to_string(expected++));
  EXPECT_EQ(expected, 300);
  for (std::thread& thread : threads) thread.join();
}

TEST(Calls, a_part_may_be_waited_for_a_while_and_is_not_lost) {
  Broker broker;
  Client bus = broker.client();
  Watched<int> begun;
  std::optional<Request> held;
  Service service("counter", "1.0.0");
  service.deferred_method("count", [&](Request request) {
    held = request;
    begun.change([](int& count) { ++count; });
  });
  Registration registration = bus.register_service(service);
  ReplyStream stream = bus.request_stream("counter:count");
  begun.wait([](int count) { return count == 1; });
  EXPECT_FALSE(stream.wait_for(1ms));
  held->chunk("1");
  EXPECT_TRUE(stream.wait_for(30s));
  EXPECT_TRUE(stream.wait_for(0ms));
  EXPECT_EQ(stream.next()->payload().text(), "1");
  held->end();
  EXPECT_TRUE(stream.wait_for(30s));
  EXPECT_FALSE(stream.next().has_value());
  Gathering gathering = bus.gather("@nobody:m");
  EXPECT_TRUE(gathering.wait_for(30s));
  EXPECT_EQ(gathering.next()->outcome.error()->word(), "no_instance");
}

TEST(Calls, a_stream_that_is_dropped_stops_its_service) {
  Broker broker;
  Client bus = broker.client();
  Watched<std::string> ended;
  std::vector<std::thread> threads;
  Service service("counter", "1.0.0");
  service.deferred_method("count", [&](Request request) {
    threads.emplace_back([request, &ended]() mutable {
      try {
        for (;;) request.chunk("1");
      } catch (const Error& error) {
        ended.change([&](std::string& word) { word = error.word(); });
      }
    });
  });
  Registration registration = bus.register_service(service);
  {
    ReplyStream stream = bus.request_stream("counter:count");
    EXPECT_TRUE(stream.next().has_value());
  }
  EXPECT_EQ(ended.wait([](const std::string& word) { return !word.empty(); }), "unknown_delivery");
  for (std::thread& thread : threads) thread.join();
}

TEST(Calls, a_gathered_request_has_an_answer_of_each_instance_and_a_summary) {
  Broker broker;
  Client one = broker.client(), other = broker.client(), shell = broker.client();
  Registration first = one.register_service(echo().group("all"));
  Registration second = other.register_service(echo().group("all"));
  Gathering gathering = shell.gather("@all:say", "1");
  EXPECT_EQ(gathering.collect().size(), 2u);
  ASSERT_TRUE(gathering.summary().has_value());
  EXPECT_EQ(gathering.summary()->replied, 2u);
  EXPECT_EQ(error_of([&] { shell.gather("@nobody:say", "1").collect(); }).code(), ErrorCode::no_instance);
  EXPECT_EQ(shell.gather(std::vector<std::string>{"echo:say", "nobody:say"}, "1").collect().size(), 2u);
}
