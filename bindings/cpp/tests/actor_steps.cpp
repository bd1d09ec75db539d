// Does what the steps say.
#include "actor.hpp"

#include <atomic>

using namespace buslane;
using nlohmann::json;

namespace {

std::string text(const json& object, const char* name) {
  return object.contains(name) && !object[name].is_null() ? object[name].dump() : std::string();
}

std::string word(const json& object, const char* name) { return object.value(name, std::string()); }

ServiceError own_error(const json& error) {
  return ServiceError(error["code"], error.value("title", ""), text(error, "data"));
}

// Answers a request; whether anybody waits is not for this side to know.
void give(Request& request, const json& answer) {
  try {
    if (answer.contains("error")) return request.fail(own_error(answer["error"]));
    if (answer.contains("echo")) return request.reply(Body(request.payload()));
    request.reply(Body(answer["reply"].dump()));
  } catch (const Error&) {
  }
}

}  // namespace

Actor::~Actor() {
  cancels_.clear();
  pending_.clear();
  bus_.reset();
}

json Actor::act(const json& step) {
  const std::string action = step["do"];
  if (action == "connect") connect(step);
  if (action == "register") return enroll(step);
  if (action == "unregister") unregister(step);
  if (action == "subscribe") subscribe(step);
  if (action == "unsubscribe") {
    auto ending = subscriptions_.extract(word(step, "subscription"));
    ending.mapped().unsubscribe();
  }
  if (action == "publish") return publish(step);
  if (action == "request") request(step);
  if (action == "cancel") cancel(step["request"]);
  if (action == "answer") answer(step["method"], step["with"]);
  if (action == "flush" || action == "reconnect") bus_->flush();
  if (action == "pause") subscriptions_.at(step["subscription"]).pause();
  if (action == "resume") subscriptions_.at(step["subscription"]).resume();
  if (action == "close") bus_->close();
  return json::object();
}

void Actor::connect(const json& step) {
  Options options;
  options.url = step["url"];
  options.name = step["name"];
  options.lazy = step["lazy"];
  options.connect_timeout = std::chrono::milliseconds(step["timeout_ms"].get<int>());
  options.first_backoff = std::chrono::milliseconds(20);
  options.longest_backoff = std::chrono::milliseconds(100);
  options.on_state = [](const ConnectionState& state) { tell({{"state", of_state(state)}}); };
  options.on_report = [](const Report& report) {
    tell_item("report", "", {{"expect", "report"}, {"error", of_error(report.error)}});
  };
  options.on_exception = [](std::exception_ptr) {};
  bus_.emplace(Client::connect(options));
}

json Actor::enroll(const json& step) {
  const json& declared = step["registration"];
  const auto part = [&](const char* name) { return declared.value(name, json::object()); };
  const json handlers = step.value("handlers", json::object());
  const json methods = part("methods"), topics = part("topics"), schemas = part("schemas");
  Service service(word(declared, "name"), word(declared, "version"));
  if (declared.contains("instance")) service.instance(declared["instance"]);
  for (const auto& group : declared.value("groups", json::array())) service.group(group);
  for (const auto& [name, method] : methods.items()) {
    const json answer = handlers.value(name, json{{"hold", true}});
    service.deferred_method(name, text(method, "input"), [this, name = name, answer](Request request) {
      called(name, answer, std::move(request));
    });
    service.output_schema(name, text(method, "output")).description(name, word(method, "description"));
  }
  for (const auto& [topic, contract] : topics.items()) {
    service.topic({topic, text(contract, "schema"), contract.value("retain", false), contract.value("refuse", false),
                   word(contract, "description")});
  }
  for (const auto& [uri, schema] : schemas.items()) service.schema(uri, schema.dump());
  service.meta(text(declared, "meta"));
  Registration registration = bus_->register_service(service);
  const std::string report = registration.compatibility();
  registrations_.emplace(word(declared, "name"), std::move(registration));
  return {{"compatibility", report.empty() ? json() : json::parse(report)}};
}

void Actor::unregister(const json& step) {
  auto leaving = registrations_.extract(step["name"].get<std::string>());
  if (!step.value("drain", false)) return leaving.mapped().unregister();
  auto registration = std::make_shared<Registration>(std::move(leaving.mapped()));
  // The broker hears of it before anything that this client says next.
  registration->drain_for(std::chrono::milliseconds(0));
  std::thread([registration, name = step["name"].get<std::string>()] {
    while (!registration->drain_for(std::chrono::hours(1))) continue;
    tell_item("unregistered", name, {{"expect", "unregistered"}});
  }).detach();
  bus_->flush();
}

void Actor::subscribe(const json& step) {
  const std::string label = step["as"];
  SubscribeOptions options;
  options.shared = word(step, "shared");
  options.credit = step.value("credit", 0u);
  const std::string overflow = step.value("overflow", "drop_oldest");
  options.overflow = overflow == "drop_newest"  ? Overflow::drop_newest
                     : overflow == "disconnect" ? Overflow::disconnect
                                                : Overflow::drop_oldest;
  options.on_gap = [label](const Gap& gap) {
    tell_item("subscription", label, {{"expect", "gap"}, {"count", gap.count}, {"unknown", gap.unknown}});
  };
  Subscription made = bus_->subscribe(
      word(step, "filter"),
      [label](const Message& message) { tell_item("subscription", label, of_message(message)); }, options);
  subscriptions_.insert_or_assign(label, std::move(made));
}

json Actor::publish(const json& step) {
  const std::string topic = step["topic"];
  const std::string retain = step.value("retain", "");
  if (retain == "clear") {
    return {{"receivers", bus_->clear_retained(topic)}};
  }
  PublishOptions options;
  options.retain = retain == "set";
  if (step.contains("retain_ms")) options.retain_for = std::chrono::milliseconds(step["retain_ms"].get<int>());
  options.exclude_self = step.value("exclude_self", false);
  options.headers = headers_of(step);
  const bool asks = step.contains("receivers") || step.contains("fails");
  std::string kept;
  const Body body = body_of(step, kept);
  json answer = json::object();
  for (int round = 0; round < step.value("repeat", 1); ++round) {
    if (asks) {
      answer["receivers"] = bus_->publish_acked(topic, body, options);
    } else {
      bus_->publish(topic, body, options);
    }
  }
  return answer;
}

void Actor::request(const json& step) {
  CallOptions options;
  options.headers = headers_of(step);
  if (step.contains("expires_in_ms")) {
    const json& time = step["expires_in_ms"];
    if (time.is_null()) options.without_timeout = true;
    if (time.is_number()) options.timeout = std::chrono::milliseconds(time.get<std::int64_t>());
  }
  const bool gathers = step["to"].is_array() || step["to"].get<std::string>().find_first_of("@*") != std::string::npos;
  for (int round = 0; round < step.value("repeat", 1); ++round) {
    try {
      if (gathers) {
        gather(step, options);
      } else if (step.value("stream", false)) {
        stream(step, options);
      } else {
        ask(step, options);
      }
    } catch (const Error& error) {
      tell_item("request", step["as"], of_outcome(Outcome(error)));
    }
  }
}

void Actor::ask(const json& step, const CallOptions& options) {
  const std::string label = step["as"];
  std::string kept;
  auto pending = std::make_shared<Pending<Reply>>(bus_->request(word(step, "to"), body_of(step, kept), options));
  auto live = std::make_shared<std::atomic<bool>>(true);
  cancels_[label].push_back([pending, live] {
    *live = false;
    pending->cancel();
  });
  std::thread([pending, live, label] {
    json item;
    try {
      item = of_reply("reply", pending->get());
    } catch (const Error& error) {
      item = of_outcome(Outcome(error));
    }
    if (*live) tell_item("request", label, item);
  }).detach();
}

void Actor::stream(const json& step, const CallOptions& options) {
  const std::string label = step["as"];
  std::string kept;
  auto parts = std::make_shared<ReplyStream>(bus_->request_stream(word(step, "to"), body_of(step, kept), options));
  auto live = std::make_shared<std::atomic<bool>>(true);
  cancels_[label].push_back([parts, live] {
    *live = false;
    parts->cancel();
  });
  std::thread([parts, live, label] {
    try {
      while (std::optional<Reply> part = parts->next()) tell_item("request", label, of_reply("chunk", *part));
      if (*live) tell_item("request", label, {{"expect", "end"}});
    } catch (const Error& error) {
      tell_item("request", label, of_outcome(Outcome(error)));
    }
  }).detach();
}

void Actor::gather(const json& step, const CallOptions& options) {
  const std::string label = step["as"];
  std::vector<std::string> to;
  if (step["to"].is_array()) to = step["to"].get<std::vector<std::string>>();
  if (step["to"].is_string()) to.push_back(step["to"]);
  std::string kept;
  auto gathering = std::make_shared<Gathering>(bus_->gather(to, body_of(step, kept), options));
  cancels_[label].push_back([gathering] { gathering->cancel(); });
  std::thread([gathering, label] {
    while (std::optional<Gathered> gathered = gathering->next()) {
      json item = of_outcome(gathered->outcome);
      if (!gathered->from.empty()) item["from"] = gathered->from;
      tell_item("request", label, item);
    }
    if (const auto summary = gathering->summary()) {
      tell_item("request", label, {{"expect", "end"}, {"expected", summary->expected}, {"replied", summary->replied},
                                   {"failed", summary->failed}});
    }
  }).detach();
}

void Actor::cancel(const std::string& label) {
  const auto taken = cancels_.extract(label);
  for (const auto& cancel : taken.mapped()) cancel();
}

void Actor::called(const std::string& method, const json& answer, Request request) {
  const json item = of_call(request);
  if (answer.contains("stream")) {
    tell_item("invoked", method, item);
    request.on_cancel([method] { tell_item("withdrawn", method, {{"expect", "withdrawn"}}); });
    std::thread([request, answer]() mutable {
      try {
        for (const json& value : answer["stream"]) request.chunk(Body(value.dump()));
        if (!answer.value("hold", false)) return request.end();
        // Kept open until the process ends.
        static std::mutex mutex;
        static std::vector<Request> open;
        std::lock_guard<std::mutex> lock(mutex);
        open.push_back(request);
      } catch (const Error& error) {
        // A request that asks for no stream gets that as its answer.
        if (error.code() == ErrorCode::unexpected_stream) give(request, {{"error", {{"code", "unexpected_stream"}}}});
      }
    }).detach();
    return;
  }
  if (!answer.contains("hold")) {
    tell_item("invoked", method, item);
    return give(request, answer);
  }
  request.on_cancel([method] { tell_item("withdrawn", method, {{"expect", "withdrawn"}}); });
  std::lock_guard<std::mutex> lock(mutex_);
  held_[method].push_back(std::move(request));
  // A step may answer it as soon as it is told.
  tell_item("invoked", method, item);
}

void Actor::answer(const std::string& method, const json& answer) {
  std::unique_lock<std::mutex> lock(mutex_);
  std::deque<Request>& waiting = held_[method];
  if (waiting.empty()) throw std::runtime_error(method + " holds no request");
  Request request = std::move(waiting.front());
  waiting.pop_front();
  lock.unlock();
  give(request, answer);
}
