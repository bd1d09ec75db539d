// Services: schemas, errors of their own, answers from elsewhere, and their end.
#include "broker.hpp"

#include <atomic>
#include <optional>
#include <thread>

using namespace buslane;

TEST(Services, an_input_that_breaks_the_schema_never_reaches_the_handler) {
  Broker broker;
  Client bus = broker.client();
  std::atomic<int> calls{0};
  Service service("attic", "1.0.0");
  service.method("get", R"({"type":"object","required":["key"]})", [&](const Request&) {
    ++calls;
    return "1";
  });
  Registration registration = bus.register_service(service);
  const Error error = error_of([&] { bus.request("attic:get", "{}").get(); });
  EXPECT_EQ(error.code(), ErrorCode::schema_violation);
  EXPECT_EQ(error.problem().pointer, "");
  EXPECT_EQ(error.problem().keyword, "required");
  EXPECT_EQ(error.retry(), Retry::never);
  EXPECT_EQ(calls, 0);
}

TEST(Services, a_service_error_keeps_its_word_and_data) {
  Broker broker;
  Client bus = broker.client();
  Service service("attic", "1.0.0");
  service.method("get", [](const Request&) -> Body {
    throw ServiceError("not_found", "there is no such key", R"({"key":"colour"})");
  });
  Registration registration = bus.register_service(service);
  const Error error = error_of([&] { bus.request("attic:get", "{}").get(); });
  EXPECT_EQ(error.code(), ErrorCode::service);
  EXPECT_EQ(error.word(), "not_found");
  EXPECT_STREQ(error.what(), "there is no such key");
  EXPECT_EQ(error.problem().data, R"({"key":"colour"})");
  EXPECT_EQ(error.problem().origin, Origin::service);
}

TEST(Services, a_handler_that_throws_is_told_to_the_caller_and_to_its_program) {
  Broker broker;
  Watched<int> told;
  Options options = broker.options();
  options.on_exception = [&](std::exception_ptr) { told.change([](int& count) { ++count; }); };
  Client bus = Client::connect(options);
  Service service("attic", "1.0.0");
  service.method("get", [](const Request&) -> Body { throw std::runtime_error("the shelf broke"); });
  Registration registration = bus.register_service(service);
  const Error error = error_of([&] { bus.request("attic:get", "{}").get(); });
  EXPECT_EQ(error.word(), "service_error");
  EXPECT_STREQ(error.what(), "the shelf broke");
  told.wait([](int count) { return count == 1; });
}

TEST(Services, a_handler_that_answers_no_json_is_told_to_the_caller) {
  Broker broker;
  Options options = broker.options();
  Watched<int> told;
  options.on_exception = [&](std::exception_ptr) { told.change([](int& count) { ++count; }); };
  Client bus = Client::connect(options);
  Service service("attic", "1.0.0");
  service.method("get", [](const Request&) { return "{no json"; });
  Registration registration = bus.register_service(service);
  error_of([&] { bus.request("attic:get", "{}").get(); });
  told.wait([](int count) { return count == 1; });
}

TEST(Services, data_of_an_error_that_is_no_json_is_told_and_left_out) {
  Broker broker;
  Options options = broker.options();
  Watched<std::string> told;
  options.on_exception = [&](std::exception_ptr exception) {
    const Error error = error_of([&] { std::rethrow_exception(exception); });
    told.change([&](std::string& word) { word = error.word(); });
  };
  Client bus = Client::connect(options);
  Service service("attic", "1.0.0");
  service.method("get", [](const Request&) -> Body { throw ServiceError("not_found", "no such key", "{no json"); });
  Registration registration = bus.register_service(service);
  const Error error = error_of([&] { bus.request("attic:get", "{}").get(); });
  EXPECT_EQ(error.word(), "not_found");
  EXPECT_EQ(error.problem().data, "");
  EXPECT_EQ(told.wait([](const std::string& word) { return !word.empty(); }), "invalid_payload");
}

TEST(Services, a_request_may_be_answered_later_from_another_thread_and_once_only) {
  Broker broker;
  Client bus = broker.client();
  std::thread thread;
  Watched<std::string> second;
  Service service("attic", "1.0.0");
  service.deferred_method("get", [&](Request request) {
    thread = std::thread([request, &second]() mutable {
      request.reply("1");
      const Error error = error_of([&] { request.reply("2"); });
      second.change([&](std::string& word) { word = error.word(); });
    });
  });
  Registration registration = bus.register_service(service);
  EXPECT_EQ(bus.request("attic:get", "{}").get().payload().text(), "1");
  EXPECT_EQ(second.wait([](const std::string& word) { return !word.empty(); }), "unknown_delivery");
  thread.join();
}

TEST(Services, a_request_that_is_dropped_is_answered_with_an_error) {
  Broker broker;
  Client bus = broker.client();
  Service service("attic", "1.0.0");
  service.deferred_method("get", [](Request) {});
  Registration registration = bus.register_service(service);
  EXPECT_EQ(error_of([&] { bus.request("attic:get", "{}").get(); }).word(), "service_error");
}

TEST(Services, a_service_that_drains_finishes_what_it_has_and_takes_nothing_new) {
  Broker broker;
  Client bus = broker.client();
  Watched<std::optional<Request>> held;
  Service service("attic", "1.0.0");
  service.deferred_method("get", [&](Request request) {
    held.change([&](auto& is) { is = std::move(request); });
  });
  Registration registration = bus.register_service(service);
  Pending<Reply> current = bus.request("attic:get");
  held.wait([](const auto& is) { return is.has_value(); });
  EXPECT_FALSE(registration.drain_for(std::chrono::milliseconds(0)));
  EXPECT_EQ(error_of([&] { bus.request("attic:get").get(); }).code(), ErrorCode::draining);
  held.change([](auto& is) { is->reply("1"); });
  EXPECT_EQ(current.get().payload().text(), "1");
  while (!registration.drain_for(std::chrono::hours(1))) continue;
  EXPECT_TRUE(registration.drain_for(std::chrono::milliseconds(0)));
  EXPECT_EQ(error_of([&] { bus.request("attic:get").get(); }).code(), ErrorCode::no_instance);
}

TEST(Services, a_registration_ends_when_it_is_dropped_unless_it_is_kept) {
  Broker broker;
  Client bus = broker.client();
  const auto hello = [](const Request&) { return "1"; };
  { Registration ends = bus.register_service(Service("ends", "1.0.0").method("hello", hello)); }
  bus.register_service(Service("stays", "1.0.0").method("hello", hello)).keep();
  EXPECT_EQ(error_of([&] { bus.request("ends:hello").get(); }).code(), ErrorCode::no_instance);
  EXPECT_EQ(bus.request("stays:hello").get().payload().text(), "1");
}

TEST(Services, a_handler_may_call_and_publish_with_the_client_that_it_serves) {
  Broker broker;
  Client bus = broker.client(), other = broker.client();
  Registration below = other.register_service(Service("below", "1.0.0").method("get", [](const Request&) { return "5"; }));
  Registration above = bus.register_service(Service("above", "1.0.0").method(
      "get", [&](const Request&) { return std::string(bus.request("below:get").get().payload()); }));
  EXPECT_EQ(other.request("above:get").get().payload().text(), "5");
}

TEST(Services, what_cannot_be_registered_says_why) {
  Broker broker;
  Client bus = broker.client();
  const auto refused = [&](const Service& service) {
    return error_of([&] { (void)bus.register_service(service); }).code();
  };
  const auto hello = [](const Request&) { return "1"; };
  EXPECT_EQ(refused(Service("no name", "1.0.0")), ErrorCode::invalid_name);
  EXPECT_EQ(refused(Service("s", "1.0.0").method("m", "{", hello)), ErrorCode::invalid_schema);
  EXPECT_EQ(refused(Service("s", "1.0.0").method("m", R"({"type":"objekt"})", hello)), ErrorCode::invalid_schema);
  EXPECT_EQ(refused(Service("s\xff", "1.0.0")), ErrorCode::invalid_name);
  EXPECT_EQ(error_of([&] { Service("s", "1.0.0").output_schema("m", "{}"); }).code(), ErrorCode::invalid_message);
}
