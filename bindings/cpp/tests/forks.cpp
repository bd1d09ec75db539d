// A process that forks: the child has none of the client's threads. It gets errors, and makes a client of its own.
#include "broker.hpp"

#include <atomic>
#include <optional>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

using namespace buslane;

namespace {

// Runs work in a child, and tells whether it did what it should. A child that hangs is ended by a signal.
bool child_does(const std::function<bool()>& work) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    bool done = false;
    try {
      done = work();
    } catch (const std::exception& error) {
      fprintf(stderr, "the child: %s\n", error.what());
    }
    _exit(done ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool is_closed(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.code() == ErrorCode::closed;
  }
  return false;
}

Service one() {
  return Service("s", "1.0.0").method("m", [](const Request&) { return "1"; });
}

}  // namespace

TEST(Forks, in_the_child_everything_of_the_parents_client_says_closed) {
  Broker broker;
  std::optional<Client> bus(broker.client());
  std::optional<Registration> registration(bus->register_service(one()));
  std::optional<Subscription> readings(bus->subscribe("t", [](const Message&) {}));
  std::optional<Pending<Reply>> pending(bus->request("s:m"));
  std::optional<ReplyStream> stream(bus->request_stream("s:m"));
  EXPECT_TRUE(child_does([&] {
    const std::vector<std::function<void()>> all{
        [&] { bus->publish("t", "1"); },      [&] { bus->publish_acked("t", "1"); },
        [&] { bus->try_publish("t", "1"); },  [&] { (void)bus->request("s:m"); },
        [&] { (void)bus->request_stream("s:m"); }, [&] { (void)bus->gather("@g:m"); },
        [&] { bus->clear_retained("t"); },    [&] { (void)bus->subscribe("t", [](const Message&) {}); },
        [&] { (void)bus->watch_presence([](const PresenceEvent&) {}); },
        [&] { (void)bus->register_service(one()); },
        [&] { bus->flush(); },                [&] { bus->state(); },
        [&] { bus->is_connected(); },         [&] { bus->url(); },
        [&] { registration->instance(); },    [&] { registration->drain(); },
        [&] { readings->unsubscribe(); },     [&] { pending->get(); },
        [&] { pending->cancel(); },           [&] { stream->next(); }};
    for (const auto& each : all) {
      if (!is_closed(each)) return false;
    }
    bus->close();
    for (auto end : {0, 1, 2, 3, 4}) {
      if (end == 0) pending.reset();
      if (end == 1) stream.reset();
      if (end == 2) readings.reset();
      if (end == 3) registration.reset();
      if (end == 4) bus.reset();
    }
    return true;
  }));
  EXPECT_EQ(bus->request("s:m").get().payload().text(), "1");
}

TEST(Forks, a_child_makes_a_client_of_its_own_while_the_parents_threads_are_busy) {
  Broker broker;
  Client bus = broker.client();
  Registration registration = bus.register_service(one());
  Subscription readings = bus.subscribe("t", [](const Message&) {});
  std::atomic<bool> busy{true};
  std::vector<std::thread> threads;
  for (int number = 0; number < 4; ++number) {
    threads.emplace_back([&] {
      while (busy) {
        bus.publish("t", "1");
        bus.request("s:m").get();
      }
    });
  }
  for (int round = 0; round < 10; ++round) {
    EXPECT_TRUE(child_does([&] {
      if (!is_closed([&] { bus.publish("t", "1"); })) return false;
      Client own = broker.client();
      return own.request("s:m").get().payload().text() == "1";
    }));
  }
  busy = false;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(bus.request("s:m").get().payload().text(), "1");
}

TEST(Forks, a_client_that_was_closed_before_is_left_alone_too) {
  Broker broker;
  std::optional<Client> bus(broker.client());
  bus->close();
  EXPECT_TRUE(child_does([&] {
    bus.reset();
    return true;
  }));
}
