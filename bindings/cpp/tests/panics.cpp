// A panic in the Rust half, which a build for tests can be told to have: it is an error like any other, and ends nothing.
#include "broker.hpp"

using namespace buslane;

// Lets the next call into the Rust half panic.
extern "C" void buslane_test_panic_next();

TEST(Panics, a_call_that_panics_throws_an_internal_error_and_the_client_goes_on) {
  Broker broker;
  Client bus = broker.client();
  buslane_test_panic_next();
  const Error error = error_of([&] { bus.publish("t", "1"); });
  EXPECT_EQ(error.code(), ErrorCode::internal);
  EXPECT_NE(std::string(error.what()).find("as the test wants it"), std::string::npos) << error.what();
  EXPECT_EQ(bus.publish_acked("t", "1"), 0u);
}

TEST(Panics, a_client_that_cannot_be_made_says_so) {
  Broker broker;
  buslane_test_panic_next();
  EXPECT_EQ(error_of([&] { broker.client(); }).code(), ErrorCode::internal);
}

TEST(Panics, a_destructor_that_meets_one_ends_nothing) {
  Broker broker;
  Client bus = broker.client();
  {
    Pending<Reply> pending = bus.request("nobody:m");
    buslane_test_panic_next();
  }
  {
    Registration registration = bus.register_service(Service("s", "1.0.0"));
    buslane_test_panic_next();
  }
  {
    Client other = broker.client();
    buslane_test_panic_next();
  }
  EXPECT_EQ(bus.publish_acked("t", "1"), 0u);
}

TEST(Panics, the_callback_thread_tells_of_one_and_goes_on) {
  Broker broker;
  Watched<std::string> told;
  Options options = broker.options();
  options.on_exception = [&](std::exception_ptr exception) {
    const Error error = error_of([&] { std::rethrow_exception(exception); });
    told.change([&](std::string& word) { word = error.word(); });
  };
  Client bus = Client::connect(options);
  Watched<int> heard;
  Subscription readings = bus.subscribe("t", [&](const Message&) {
    // What this thread calls next is to take another event.
    if (heard.change([](int& count) { ++count; }); heard.wait([](int) { return true; }) == 1) buslane_test_panic_next();
  });
  bus.publish("t", "1");
  EXPECT_EQ(told.wait([](const std::string& word) { return !word.empty(); }), "internal");
  bus.publish("t", "2");
  heard.wait([](int count) { return count == 2; });
}
