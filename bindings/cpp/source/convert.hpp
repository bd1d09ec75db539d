// What crosses the border, converted. Not public: the only header beside core.hpp that knows cxx.
#pragma once

#include <buslane/buslane.hpp>
#include <rust/cxx.h>

#include <buslane-cpp/src/border.rs.h>

namespace buslane::detail {

// What a message, reply or request lends its fields from.
class Envelope {
 public:
  virtual ~Envelope() = default;
  virtual Headers headers(std::size_t index) const = 0;
};

// Fills the public types, whose fields are private.
struct Fields {
  static Message message(const std::shared_ptr<const Envelope>& envelope, std::size_t index,
                         const native::Delivered& delivered);
  static Reply reply(rust::Box<native::Reply> reply);
  static Request request(std::shared_ptr<RequestState> state, const native::Carried& carried);
  static RequestState& state(const Request& request) { return *request.state_; }
};

// Throws the error that the last call on this thread left.
[[noreturn]] void throw_last();

// Does what crosses the border; what fails there is thrown as an `Error`.
template <class Work>
auto native_call(Work&& work) -> decltype(work()) {
  try {
    return work();
  } catch (const rust::Error&) {
    throw_last();
  }
}

// Does what crosses the border, where nobody can be told that it failed. Returns whether it did not.
template <class Work>
bool try_native(Work&& work) noexcept {
  try {
    work();
    return true;
  } catch (...) {
    // A destructor has nobody to tell, so what is kept for whoever asks is let go.
    (void)native::take_problem();
    return false;
  }
}

// Lends text. Throws `Error` with the code if it is no UTF-8.
rust::Str lend(std::string_view text, ErrorCode code);
// Copies text. Throws `Error` if it is no UTF-8.
rust::String copy(std::string_view text, ErrorCode code = ErrorCode::invalid_message);
std::string_view view(rust::Str text);
std::string text(const rust::String& text);
// The content refers to the body.
native::Content content(const Body& body);
inline rust::Slice<const std::uint8_t> bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
rust::Vec<native::Header> headers(const Headers& headers);
Headers headers(const rust::Vec<native::Header>& headers);
std::optional<std::string> find(const Headers& headers, std::string_view name);
std::int64_t milliseconds(const std::optional<std::chrono::milliseconds>& time);
Problem problem(const native::Problem& problem);
native::ConnectOptions connect_options(const Options& options);
native::CallOptions call_options(const CallOptions& options);
native::PublishOptions publish_options(const PublishOptions& options);
// Tells whether nothing is asked for.
inline bool is_plain(const PublishOptions& options) {
  return !options.retain && !options.retain_for && !options.exclude_self && options.headers.empty();
}
native::SubscribeOptions subscribe_options(const SubscribeOptions& options);
ConnectionState state(const native::State& state);
Report report(const native::Report& report);
PresenceEvent presence(const native::Presence& presence);

}  // namespace buslane::detail
