// The client: hands over what the program asks for.
#include <utility>

#include "service.hpp"

namespace buslane {

using detail::native_call;

Client Client::connect() { return connect(Options()); }

Client Client::connect(std::string url) {
  Options options;
  options.url = std::move(url);
  return connect(std::move(options));
}

Client Client::connect(Options options) {
  auto bus = native_call([&] { return native::connect(detail::connect_options(options)); });
  auto core = std::make_shared<detail::Core>(std::move(bus), std::move(options.on_exception));
  core->start(options);
  return Client(std::move(core));
}

Client::Client(std::shared_ptr<detail::Core> core) : core_(std::move(core)) {}
Client::Client(Client&&) noexcept = default;

Client& Client::operator=(Client&& other) noexcept {
  Client ending(std::move(*this));
  core_ = std::move(other.core_);
  return *this;
}

Client::~Client() {
  if (core_) core_->close();
}

Pending<Reply> Client::request(std::string_view address, const Body& body, const CallOptions& options) {
  native::Bus& bus = detail::usable(core_).bus();
  const rust::Str to = detail::lend(address, ErrorCode::invalid_address);
  auto pending = native_call([&] { return bus.request(to, detail::content(body), detail::call_options(options)); });
  return Pending<Reply>(std::make_unique<detail::PendingState>(core_, std::move(pending)));
}

void Client::request(std::string_view address, const Body& body, std::function<void(const Outcome&)> callback,
                     const CallOptions& options) {
  request(address, body, options).then(std::move(callback));
}

ReplyStream Client::request_stream(std::string_view address, const Body& body, const CallOptions& options) {
  native::Bus& bus = detail::usable(core_).bus();
  const rust::Str to = detail::lend(address, ErrorCode::invalid_address);
  auto parts =
      native_call([&] { return bus.request_stream(to, detail::content(body), detail::call_options(options)); });
  return ReplyStream(std::make_unique<detail::PartsState>(core_, std::move(parts)));
}

Gathering Client::gather(std::string_view address, const Body& body, const CallOptions& options) {
  return gather(std::vector<std::string>{std::string(address)}, body, options);
}

Gathering Client::gather(const std::vector<std::string>& addresses, const Body& body, const CallOptions& options) {
  native::Bus& bus = detail::usable(core_).bus();
  rust::Vec<rust::String> to;
  for (const std::string& address : addresses) to.push_back(detail::copy(address, ErrorCode::invalid_address));
  auto parts = native_call([&] { return bus.gather(to, detail::content(body), detail::call_options(options)); });
  return Gathering(std::make_unique<detail::PartsState>(core_, std::move(parts)));
}

void Client::publish_text(std::string_view topic, std::string_view text) {
  native::Bus& bus = detail::usable(core_).bus();
  native_call([&] { bus.publish_text(detail::bytes(topic), detail::bytes(text)); });
}

void Client::publish(std::string_view topic, const Body& body, const PublishOptions& options) {
  if (body.is_json() && detail::is_plain(options)) return publish_text(topic, body.text());
  native::Bus& bus = detail::usable(core_).bus();
  const rust::Str to = detail::lend(topic, ErrorCode::invalid_topic);
  native_call([&] { bus.publish(to, detail::content(body), detail::publish_options(options)); });
}

bool Client::try_publish(std::string_view topic, const Body& body, const PublishOptions& options) {
  native::Bus& bus = detail::usable(core_).bus();
  const rust::Str to = detail::lend(topic, ErrorCode::invalid_topic);
  try {
    native_call([&] { bus.try_publish(to, detail::content(body), detail::publish_options(options)); });
    return true;
  } catch (const Error& error) {
    if (error.code() == ErrorCode::queue_full) return false;
    throw;
  }
}

std::uint32_t Client::publish_acked(std::string_view topic, const Body& body, const PublishOptions& options) {
  native::Bus& bus = detail::usable(core_).bus();
  const rust::Str to = detail::lend(topic, ErrorCode::invalid_topic);
  return native_call([&] { return bus.publish_acked(to, detail::content(body), detail::publish_options(options)); });
}

std::uint32_t Client::clear_retained(std::string_view topic) {
  native::Bus& bus = detail::usable(core_).bus();
  const rust::Str to = detail::lend(topic, ErrorCode::invalid_topic);
  return native_call([&] { return bus.clear_retained(to); });
}

void Client::flush() {
  native::Bus& bus = detail::usable(core_).bus();
  native_call([&] { bus.flush(); });
}

ConnectionState Client::state() const {
  native::Bus& bus = detail::usable(core_).bus();
  return native_call([&] { return detail::state(bus.state()); });
}

bool Client::is_connected() const {
  native::Bus& bus = detail::usable(core_).bus();
  return native_call([&] { return bus.is_connected(); });
}

std::string Client::url() const {
  native::Bus& bus = detail::usable(core_).bus();
  return native_call([&] { return detail::text(bus.url()); });
}

void Client::close() { detail::usable(core_).close(); }

}  // namespace buslane
