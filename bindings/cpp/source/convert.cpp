// Converts between the public types and what crosses the border. Decides nothing.
#include "convert.hpp"

#include <algorithm>

namespace buslane::detail {

namespace {

class ReplyEnvelope final : public Envelope {
 public:
  explicit ReplyEnvelope(rust::Box<native::Reply> reply) : reply_(std::move(reply)) {}
  Headers headers(std::size_t) const override {
    return native_call([&] { return detail::headers(reply_->headers()); });
  }
  native::Carried carried() const { return reply_->carried(); }

 private:
  rust::Box<native::Reply> reply_;
};

std::int64_t size(const std::optional<std::size_t>& bytes) {
  return bytes ? static_cast<std::int64_t>(std::min<std::size_t>(*bytes, INT64_MAX)) : -1;
}

Payload payload(const native::Carried& carried) {
  const auto* bytes = reinterpret_cast<const char*>(carried.payload.data());
  return Payload(std::string_view(bytes, carried.payload.size()), view(carried.content_type), carried.json);
}

std::vector<std::string> texts(const rust::Vec<rust::String>& texts) {
  std::vector<std::string> copies;
  copies.reserve(texts.size());
  for (const rust::String& each : texts) copies.push_back(text(each));
  return copies;
}

}  // namespace

Message Fields::message(const std::shared_ptr<const Envelope>& envelope, std::size_t index,
                        const native::Delivered& delivered) {
  Message message;
  message.envelope_ = envelope;
  message.index_ = index;
  message.topic_ = view(delivered.carried.subject);
  message.from_ = view(delivered.carried.from);
  message.id_ = view(delivered.carried.id);
  message.shared_ = view(delivered.shared);
  message.payload_ = payload(delivered.carried);
  message.retained_ = delivered.retained;
  message.snapshot_ = delivered.snapshot;
  return message;
}

Reply Fields::reply(rust::Box<native::Reply> native) {
  auto envelope = std::make_shared<const ReplyEnvelope>(std::move(native));
  const native::Carried carried = envelope->carried();
  Reply reply;
  reply.from_ = view(carried.from);
  reply.payload_ = payload(carried);
  reply.envelope_ = std::move(envelope);
  return reply;
}

Request Fields::request(std::shared_ptr<RequestState> state, const native::Carried& carried) {
  Request request;
  request.state_ = std::move(state);
  request.address_ = view(carried.subject);
  request.from_ = view(carried.from);
  request.id_ = view(carried.id);
  request.payload_ = payload(carried);
  return request;
}

void throw_last() { throw Error(problem(native::take_problem())); }

rust::Str lend(std::string_view text, ErrorCode code) {
  try {
    return rust::Str(text.data(), text.size());
  } catch (const std::exception&) {
    throw Error(code, "the text is no UTF-8");
  }
}

rust::String copy(std::string_view text, ErrorCode code) {
  try {
    return rust::String(text.data(), text.size());
  } catch (const std::exception&) {
    throw Error(code, "the text is no UTF-8");
  }
}

std::string_view view(rust::Str text) { return {text.data(), text.size()}; }

std::string text(const rust::String& text) { return std::string(text.data(), text.size()); }

native::Content content(const Body& body) {
  const std::string_view bytes = body.text();
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  if (body.is_json()) return {rust::Slice<const std::uint8_t>(data, bytes.size()), true, rust::Str()};
  return {rust::Slice<const std::uint8_t>(data, bytes.size()), false,
          lend(body.content_type(), ErrorCode::invalid_message)};
}

rust::Vec<native::Header> headers(const Headers& headers) {
  rust::Vec<native::Header> copies;
  for (const Header& header : headers) copies.push_back({copy(header.first), copy(header.second)});
  return copies;
}

Headers headers(const rust::Vec<native::Header>& headers) {
  Headers copies;
  copies.reserve(headers.size());
  for (const native::Header& header : headers) copies.emplace_back(text(header.name), text(header.value));
  return copies;
}

std::optional<std::string> find(const Headers& headers, std::string_view name) {
  for (const Header& header : headers) {
    if (header.first == name) return header.second;
  }
  return std::nullopt;
}

std::int64_t milliseconds(const std::optional<std::chrono::milliseconds>& time) {
  return time ? std::max<std::int64_t>(time->count(), 0) : -1;
}

Problem problem(const native::Problem& problem) {
  Problem copy;
  copy.code = static_cast<ErrorCode>(problem.number);
  copy.word = text(problem.code);
  copy.title = text(problem.title);
  copy.detail = text(problem.detail);
  copy.address = text(problem.address);
  if (problem.has_pointer) copy.pointer = text(problem.pointer);
  copy.keyword = text(problem.keyword);
  copy.expected = text(problem.expected);
  copy.data = text(problem.data);
  copy.origin = static_cast<Origin>(problem.origin);
  copy.retry = static_cast<Retry>(problem.retry);
  copy.status = problem.status;
  return copy;
}

native::ConnectOptions connect_options(const Options& options) {
  return {copy(options.url, ErrorCode::invalid_address),
          copy(options.name, ErrorCode::invalid_name),
          copy(options.token),
          options.lazy,
          options.json,
          milliseconds(options.connect_timeout),
          milliseconds(options.request_timeout),
          size(options.queue_bytes),
          size(options.offline_bytes),
          milliseconds(options.ping_after),
          milliseconds(options.gone_after),
          milliseconds(options.first_backoff),
          milliseconds(options.longest_backoff)};
}

native::CallOptions call_options(const CallOptions& options) {
  return {milliseconds(options.timeout), options.without_timeout, options.credit, headers(options.headers)};
}

native::PublishOptions publish_options(const PublishOptions& options) {
  return {options.retain, milliseconds(options.retain_for), options.exclude_self, headers(options.headers)};
}

native::SubscribeOptions subscribe_options(const SubscribeOptions& options) {
  return {copy(options.shared, ErrorCode::invalid_name), static_cast<std::uint8_t>(options.overflow), options.credit,
          size(options.queue_bytes)};
}

ConnectionState state(const native::State& state) {
  ConnectionState copy;
  copy.kind = static_cast<ConnectionState::Kind>(state.kind);
  copy.client = text(state.client);
  copy.node = text(state.node);
  copy.server = text(state.server);
  copy.wait = std::chrono::milliseconds(state.wait);
  if (copy.kind == ConnectionState::Kind::disconnected || copy.kind == ConnectionState::Kind::refused) {
    copy.error = Error(problem(state.problem));
  }
  return copy;
}

Report report(const native::Report& report) {
  return {static_cast<Report::Kind>(report.kind), text(report.about), report.retries, Error(problem(report.problem))};
}

PresenceEvent presence(const native::Presence& presence) {
  PresenceEvent event;
  event.kind = static_cast<PresenceEvent::Kind>(presence.kind);
  event.service = text(presence.service);
  event.instance = text(presence.instance);
  event.version = text(presence.version);
  event.node = text(presence.node);
  event.reason = text(presence.reason);
  event.groups = texts(presence.groups);
  event.methods = texts(presence.methods);
  event.snapshot = presence.snapshot;
  return event;
}

}  // namespace buslane::detail

namespace buslane {

std::optional<std::string> Message::header(std::string_view name) const { return detail::find(headers(), name); }
Headers Message::headers() const { return envelope_ ? envelope_->headers(index_) : Headers(); }
std::optional<std::string> Reply::header(std::string_view name) const { return detail::find(headers(), name); }
Headers Reply::headers() const { return envelope_ ? envelope_->headers(0) : Headers(); }

}  // namespace buslane
