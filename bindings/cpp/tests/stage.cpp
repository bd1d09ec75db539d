// Speaks as a broker, as docs/protocol.md says.
#include "stage.hpp"

#include <fstream>
#include <map>
#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

using nlohmann::json;

namespace {

const std::string kPreamble = "b542555301010000";
constexpr std::size_t kHeader = 28;
// The types that the tests say or hear.
const std::map<std::string, int> kCodes{{"connected", 2}, {"registered", 4}, {"subscribed", 7},
                                        {"request", 11},  {"ping", 20},      {"pong", 21}};

void little_endian(std::string& bytes, std::size_t place, std::uint64_t value, std::size_t count) {
  for (std::size_t index = 0; index < count; ++index) bytes[place + index] = static_cast<char>(value >> 8 * index & 255);
}

std::size_t number_at(const std::string& bytes, std::size_t place, std::size_t count) {
  std::size_t value = 0;
  for (std::size_t index = count; index-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[place + index]);
  return value;
}

std::string frame(int type, const std::string& payload) {
  std::string bytes(kHeader, '\0');
  little_endian(bytes, 0, kHeader - 4 + payload.size(), 4);
  bytes[4] = static_cast<char>(type);
  return bytes + payload;
}

}  // namespace

std::string from_hex(const std::string& text) {
  std::string bytes;
  for (std::size_t place = 0; place < text.size(); place += 2) {
    bytes.push_back(static_cast<char>(std::stoi(text.substr(place, 2), nullptr, 16)));
  }
  return bytes;
}

json vectors(const std::string& file) {
  std::ifstream stream(std::string(BUSLANE_SCHEMAS) + "/vectors/" + file);
  return json::parse(stream);
}

Stage::Stage(bool binary) : binary_(binary) {
  listener_ = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const bare = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener_, bare, size) != 0 || listen(listener_, 1) != 0 || getsockname(listener_, bare, &size) != 0) {
    throw std::runtime_error("nobody can listen");
  }
  port_ = ntohs(address.sin_port);
}

Stage::~Stage() {
  if (client_ >= 0) close(client_);
  close(listener_);
}

buslane::Options Stage::options() const {
  buslane::Options options;
  options.url = "buslane://127.0.0.1:" + std::to_string(port_);
  options.json = !binary_;
  options.connect_timeout = options.request_timeout = std::chrono::seconds(60);
  return options;
}

void Stage::accept(const std::string& preamble) {
  client_ = ::accept(listener_, nullptr, nullptr);
  if (!binary_) return;
  read(from_hex(kPreamble).size());
  say(from_hex(preamble));
}

void Stage::welcome() {
  accept(kPreamble);
  say(json{{"type", "connected"}, {"id", hear()["id"]}, {"version", 1}, {"node", "stage"}, {"server", "stage/1"},
           {"client", "client-1"}, {"heartbeat_ms", 0}, {"limits", json::object()}});
}

json Stage::hear() {
  if (!binary_) {
    std::string line;
    while (line.empty() || line.back() != '\n') line += read(1);
    return json::parse(line);
  }
  std::string bytes = read(kHeader);
  bytes += read(number_at(bytes, 0, 4) - (kHeader - 4));
  const std::size_t id = number_at(bytes, 6, 1);
  const std::string rest = bytes.substr(kHeader + id);
  if (json::accept(rest) && id == 0 && rest.front() == '{') return json::parse(rest);
  json message{{"id", bytes.substr(kHeader, id)}, {"rest", rest}};
  for (const auto& [name, code] : kCodes) {
    if (code == bytes[4]) message["type"] = name;
  }
  return message;
}

bool Stage::hears_the_end() {
  try {
    for (;;) hear();
  } catch (const std::runtime_error&) {
    return true;
  }
}

void Stage::say(const std::string& bytes) {
  if (send(client_, bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) throw std::runtime_error("nobody listens");
}

void Stage::say(const json& message) {
  say(binary_ ? frame(kCodes.at(message["type"]), message.dump()) : message.dump() + "\n");
}

void Stage::say_vector(const json& vector) {
  say(binary_ ? from_hex(vector["binary"]) : vector["json"].get<std::string>() + "\n");
}

void Stage::sees_it_alive() {
  say(binary_ ? frame(kCodes.at("ping"), "") : "{\"type\":\"ping\"}\n");
  while (hear().value("type", "") != "pong") {
  }
}

std::string Stage::read(std::size_t count) {
  std::string bytes(count, '\0');
  for (std::size_t got = 0; got < count;) {
    const ssize_t more = recv(client_, bytes.data() + got, count - got, 0);
    if (more <= 0) throw std::runtime_error("the client has left");
    got += static_cast<std::size_t>(more);
  }
  return bytes;
}
