// Makes the items of what came, and of what a step carries what the SDK takes.
#include "actor.hpp"

#include <iostream>

using namespace buslane;
using nlohmann::json;

namespace {

const char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string to_base64(std::string_view bytes) {
  std::string text;
  unsigned buffer = 0, bits = 0;
  for (const unsigned char byte : bytes) {
    buffer = buffer << 8 | byte;
    for (bits += 8; bits >= 6; bits -= 6) text.push_back(kDigits[buffer >> (bits - 6) & 63]);
  }
  if (bits > 0) text.push_back(kDigits[buffer << (6 - bits) & 63]);
  while (text.size() % 4 != 0) text.push_back('=');
  return text;
}

std::string from_base64(const std::string& text) {
  std::string bytes;
  unsigned buffer = 0, bits = 0;
  for (const char digit : text) {
    if (digit == '=') break;
    buffer = buffer << 6 | static_cast<unsigned>(std::string_view(kDigits).find(digit));
    bits += 6;
    if (bits >= 8) bytes.push_back(static_cast<char>(buffer >> (bits -= 8) & 255));
  }
  return bytes;
}

// Writes the name of a member of the envelope as the name of its header, and back.
std::string swap(std::string name, char from, char to) {
  for (char& character : name) character = character == from ? to : character;
  return name;
}

void carry(json& item, const Payload& payload, const Headers& headers) {
  if (payload.is_json() && !payload.empty()) item["payload_text"] = std::string(payload.text());
  if (!payload.is_json() && !payload.empty()) item["payload_base64"] = to_base64(payload.text());
  item["content_type"] = std::string(payload.content_type());
  item["headers"] = item["content"] = json::object();
  for (const auto& [name, value] : headers) {
    if (name[0] != ':') {
      item["headers"][name] = value;
      continue;
    }
    const bool number = name == ":sent-at" || name == ":attempts" || name == ":status";
    item["content"][swap(name.substr(1), '-', '_')] = number ? json(std::stoll(value)) : json(value);
  }
}

}  // namespace

void tell(const json& line) {
  static std::mutex mutex;
  const std::string text = line.dump() + "\n";
  std::lock_guard<std::mutex> lock(mutex);
  std::cout << text << std::flush;
}

void tell_item(const char* queue, const std::string& label, const json& item) {
  tell({{"queue", {queue, label}}, {"item", item}});
}

json of_error(const Error& error) {
  const Problem& problem = error.problem();
  const char* const origins[] = {"broker", "service", "client"};
  json item = {{"code", problem.word}, {"origin", origins[static_cast<int>(problem.origin)]}, {"status", problem.status}};
  const auto add = [&](const char* name, const std::string& text) {
    if (!text.empty()) item[name] = text;
  };
  add("title", problem.title);
  add("detail", problem.detail);
  add("address", problem.address);
  add("keyword", problem.keyword);
  if (problem.pointer) item["pointer"] = *problem.pointer;
  if (!problem.expected.empty()) item["expected"] = json::parse(problem.expected);
  if (!problem.data.empty()) item["data"] = json::parse(problem.data);
  return item;
}

json of_reply(const char* kind, const Reply& reply) {
  json item = {{"expect", kind}, {"from", std::string(reply.from())}};
  carry(item, reply.payload(), reply.headers());
  return item;
}

json of_outcome(const Outcome& outcome) {
  if (outcome) return of_reply("reply", outcome.reply());
  return {{"expect", "error"}, {"error", of_error(*outcome.error())}};
}

json of_message(const Message& message) {
  json item = {{"expect", "delivery"}, {"topic", std::string(message.topic())}, {"from", std::string(message.from())},
               {"retained", message.is_retained()}, {"snapshot", message.is_snapshot()}};
  if (!message.shared().empty()) item["shared"] = std::string(message.shared());
  carry(item, message.payload(), message.headers());
  return item;
}

json of_call(const Request& request) {
  json item = {{"expect", "invoked"}, {"from", std::string(request.from())}, {"attempt", request.attempt()}};
  const auto left = request.time_left();
  item["expires_in_ms"] = left ? json(left->count()) : json();
  carry(item, request.payload(), request.headers());
  return item;
}

json of_state(const ConnectionState& state) {
  using Kind = ConnectionState::Kind;
  json item = {{"expect", "state"}, {"state", "disconnected"}, {"error", nullptr}};
  if (state.kind == Kind::connected || state.kind == Kind::draining) item["state"] = "connected";
  if (state.is_final()) item["state"] = "ended";
  if (state.kind == Kind::taken_over) item["error"] = {{"code", "taken_over"}};
  if (state.kind == Kind::closed) item["error"] = {{"code", "closed"}};
  if (state.kind == Kind::refused) item["error"] = of_error(*state.error);
  return item;
}

Body body_of(const json& step, std::string& text) {
  if (step.contains("payload_base64")) {
    text = from_base64(step["payload_base64"]);
    return Body::bytes(step.value("content_type", ""), text);
  }
  if (step.contains("payload_text")) text = step["payload_text"];
  if (step.contains("payload")) text = step["payload"].dump();
  if (step.contains("payload_bytes")) text = '"' + std::string(step["payload_bytes"].get<std::size_t>(), 'x') + '"';
  return Body(text);
}

Headers headers_of(const json& step) {
  Headers headers;
  const json own = step.value("headers", json::object()), content = step.value("content", json::object());
  for (const auto& [name, value] : own.items()) headers.emplace_back(name, value);
  for (const auto& [name, value] : content.items()) {
    headers.emplace_back(":" + swap(name, '_', '-'), value.is_string() ? value.get<std::string>() : value.dump());
  }
  if (step.contains("content_type") && !step.contains("payload_base64")) {
    headers.emplace_back(":content-type", step["content_type"]);
  }
  return headers;
}
