// Measures request latency, publish throughput and delivery throughput of this library and of nats.c, in turns.
//
// Usage: versus BUSLANE_URL NATS_URL [ROUNDS]. Both servers run already. Prints one JSON object a row, as `buslane bench`
// does: above 1 is better for us.
#include <buslane/buslane.hpp>
#include <nats/nats.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
constexpr int kRequests = 3000;
constexpr int kPublishes = 500000;
constexpr int kWindow = 4000;
constexpr int kStep = 100;
const std::string kPayload = '"' + std::string(126, 'x') + '"';

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

// Returns the median time of a request, in microseconds.
template <class Call>
double latency(Call&& call) {
  std::vector<double> times;
  for (int round = 0; round < kRequests; ++round) {
    const auto begin = Clock::now();
    call();
    times.push_back(seconds_since(begin) * 1e6);
  }
  std::nth_element(times.begin(), times.begin() + kRequests / 2, times.end());
  return times[kRequests / 2];
}

// Returns messages a second, from the first that is published until the server has the last. Nobody receives them.
template <class Publish, class Flush>
double throughput(Publish&& publish, Flush&& flush) {
  const auto begin = Clock::now();
  for (int number = 0; number < kPublishes; ++number) publish();
  flush();
  return kPublishes / seconds_since(begin);
}

// Returns messages a second, from the first that is published until the last is called back. So many are on their way at
// most that no queue overflows.
template <class Publish>
double delivery(const std::atomic<int>& received, Publish&& publish) {
  const int before = received;
  const auto begin = Clock::now();
  for (int number = 0; number < kPublishes; ++number) {
    if (number % kStep == 0) {
      while (number - (received - before) > kWindow) std::this_thread::yield();
    }
    publish();
  }
  while (received - before < kPublishes) std::this_thread::yield();
  return kPublishes / seconds_since(begin);
}

void check(natsStatus status) {
  if (status == NATS_OK) return;
  std::fprintf(stderr, "nats: %s\n", natsStatus_GetText(status));
  std::exit(1);
}

struct Nats {
  explicit Nats(const char* url) {
    check(natsOptions_Create(&options));
    check(natsOptions_SetURL(options, url));
    check(natsConnection_Connect(&publisher, options));
    // Without this, what a handler answers waits for a thread that looks every millisecond.
    check(natsOptions_SetSendAsap(options, true));
    check(natsConnection_Connect(&caller, options));
    check(natsConnection_Connect(&callee, options));
    const auto answer = [](natsConnection* connection, natsSubscription*, natsMsg* message, void*) {
      natsConnection_Publish(connection, natsMsg_GetReply(message), natsMsg_GetData(message), natsMsg_GetDataLength(message));
      natsMsg_Destroy(message);
    };
    const auto count = [](natsConnection*, natsSubscription*, natsMsg* message, void* received) {
      ++*static_cast<std::atomic<int>*>(received);
      natsMsg_Destroy(message);
    };
    check(natsConnection_Subscribe(&service, callee, "echo", answer, nullptr));
    check(natsConnection_Subscribe(&topic, callee, "t", count, &received));
    check(natsSubscription_SetPendingLimits(topic, -1, -1));
    check(natsConnection_Flush(callee));
  }
  void request() {
    natsMsg* reply = nullptr;
    check(natsConnection_Request(&reply, caller, "echo", kPayload.data(), kPayload.size(), 5000));
    natsMsg_Destroy(reply);
  }
  void publish(const char* subject) { check(natsConnection_Publish(publisher, subject, kPayload.data(), kPayload.size())); }
  void flush() { check(natsConnection_Flush(publisher)); }

  natsOptions* options = nullptr;
  natsConnection *publisher = nullptr, *caller = nullptr, *callee = nullptr;
  natsSubscription *service = nullptr, *topic = nullptr;
  std::atomic<int> received{0};
};

struct Ours {
  explicit Ours(const std::string& url) : caller(buslane::Client::connect(url)), callee(buslane::Client::connect(url)) {
    callee.register_service(buslane::Service("echo", "1.0.0").method("say", [](const buslane::Request& request) {
      return buslane::Body(request.payload());
    })).keep();
    buslane::SubscribeOptions options;
    options.queue_bytes = std::size_t{1} << 30;
    callee.subscribe("t", [this](const buslane::Message&) { ++received; }, options).keep();
  }
  void request() { caller.request("echo:say", kPayload).get(); }
  void publish(const char* topic) { caller.publish(topic, kPayload); }
  void flush() { caller.flush(); }

  buslane::Client caller, callee;
  std::atomic<int> received{0};
};

void print(const char* row, const char* unit, std::vector<double> ours, std::vector<double> theirs, bool less_is_better) {
  std::vector<double> ratios;
  for (std::size_t round = 0; round < ours.size(); ++round) {
    ratios.push_back(less_is_better ? theirs[round] / ours[round] : ours[round] / theirs[round]);
  }
  for (auto* values : {&ours, &theirs, &ratios}) std::sort(values->begin(), values->end());
  const auto median = [](const std::vector<double>& values) { return values[values.size() / 2]; };
  std::printf("{\"row\":\"%s\",\"ours\":%.1f,\"theirs\":%.1f,\"unit\":\"%s\",\"ratio\":%.2f,\"ratio_min\":%.2f,\"ratio_max\":%.2f}\n",
              row, median(ours), median(theirs), unit, median(ratios), ratios.front(), ratios.back());
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) return 2;
  const int rounds = count > 3 ? std::atoi(arguments[3]) : 5;
  Ours ours(arguments[1]);
  Nats theirs(arguments[2]);
  std::vector<double> values[6];
  for (int round = 0; round < rounds; ++round) {
    values[0].push_back(latency([&] { ours.request(); }));
    values[1].push_back(latency([&] { theirs.request(); }));
    values[2].push_back(throughput([&] { ours.publish("nobody"); }, [&] { ours.flush(); }));
    values[3].push_back(throughput([&] { theirs.publish("nobody"); }, [&] { theirs.flush(); }));
    values[4].push_back(delivery(ours.received, [&] { ours.publish("t"); }));
    values[5].push_back(delivery(theirs.received, [&] { theirs.publish("t"); }));
  }
  print("request", "us p50", values[0], values[1], true);
  print("publish", "msg/s", values[2], values[3], false);
  print("deliver", "msg/s", values[4], values[5], false);
}
