// One client of a scenario, over the SDK, and the items that it tells.
#pragma once

#include <buslane/buslane.hpp>
#include <nlohmann/json.hpp>

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

// Writes a line that the runner reads, from any thread.
void tell(const nlohmann::json& line);
// Tells something that came, and into which queue it belongs.
void tell_item(const char* queue, const std::string& label, const nlohmann::json& item);

nlohmann::json of_error(const buslane::Error& error);
nlohmann::json of_reply(const char* kind, const buslane::Reply& reply);
nlohmann::json of_outcome(const buslane::Outcome& outcome);
nlohmann::json of_message(const buslane::Message& message);
nlohmann::json of_call(const buslane::Request& request);
nlohmann::json of_state(const buslane::ConnectionState& state);
// Makes what a step carries. The body keeps its text.
buslane::Body body_of(const nlohmann::json& step, std::string& text);
buslane::Headers headers_of(const nlohmann::json& step);

class Actor {
 public:
  // Does what a step says. Returns what is compared. Throws `Error` if it is refused.
  nlohmann::json act(const nlohmann::json& step);
  ~Actor();

 private:
  void connect(const nlohmann::json& step);
  nlohmann::json enroll(const nlohmann::json& step);
  void unregister(const nlohmann::json& step);
  void subscribe(const nlohmann::json& step);
  nlohmann::json publish(const nlohmann::json& step);
  void request(const nlohmann::json& step);
  void ask(const nlohmann::json& step, const buslane::CallOptions& options);
  void stream(const nlohmann::json& step, const buslane::CallOptions& options);
  void gather(const nlohmann::json& step, const buslane::CallOptions& options);
  void cancel(const std::string& label);
  void called(const std::string& method, const nlohmann::json& answer, buslane::Request request);
  void answer(const std::string& method, const nlohmann::json& answer);

  std::optional<buslane::Client> bus_;
  std::multimap<std::string, buslane::Registration> registrations_;
  std::map<std::string, buslane::Subscription> subscriptions_;
  std::map<std::string, std::vector<std::shared_ptr<buslane::Pending<buslane::Reply>>>> pending_;
  std::map<std::string, std::vector<std::function<void()>>> cancels_;
  std::mutex mutex_;
  std::map<std::string, std::deque<buslane::Request>> held_;
};
