/// @file
/// What came: messages, replies and requests share the envelope around their payload.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <buslane/error.hpp>
#include <buslane/export.hpp>
#include <buslane/payload.hpp>

namespace buslane {

/// A header: a name in lower case, and a value. Names that begin with `:` are members of the envelope.
using Header = std::pair<std::string, std::string>;
/// Headers, in their order.
using Headers = std::vector<Header>;

namespace detail {
class Envelope;
struct Fields;
}  // namespace detail

/// A message of a topic. Copying is cheap and shares what it carries; safe to read from any thread.
class BUSLANE_API Message {
 public:
  /// Returns the topic.
  std::string_view topic() const noexcept { return topic_; }
  /// Returns who published it: `service#instance`, or a client's name.
  std::string_view from() const noexcept { return from_; }
  /// Returns the publisher's id of the message; empty if it gave none.
  std::string_view id() const noexcept { return id_; }
  /// Returns what it carries.
  Payload payload() const noexcept { return payload_; }
  /// Tells whether it is a retained value from before the subscription.
  bool is_retained() const noexcept { return retained_; }
  /// Tells whether it is an event of the present state, told to a late subscriber.
  bool is_snapshot() const noexcept { return snapshot_; }
  /// Returns the shared subscription that it is a copy for: name, `/`, filter; empty if none.
  std::string_view shared() const noexcept { return shared_; }
  /// Returns the value of a header, if it is there.
  std::optional<std::string> header(std::string_view name) const;
  /// Returns the headers.
  Headers headers() const;

 private:
  friend struct detail::Fields;
  std::shared_ptr<const detail::Envelope> envelope_;
  std::size_t index_ = 0;
  std::string_view topic_, from_, id_, shared_;
  Payload payload_;
  bool retained_ = false, snapshot_ = false;
};

/// Stands where messages are missing: a queue was full, or the connection was lost.
struct Gap {
  std::uint64_t count = 0;  ///< How many are missing, as far as it is known.
  std::uint64_t bytes = 0;  ///< How many bytes they had.
  bool unknown = false;     ///< Whether further ones may be missing.
};

/// The answer to a request, or one part of it. Copying is cheap; safe to read from any thread.
class BUSLANE_API Reply {
 public:
  /// Returns who answered: `service#instance`.
  std::string_view from() const noexcept { return from_; }
  /// Returns what it carries.
  Payload payload() const noexcept { return payload_; }
  /// Returns the value of a header, if it is there.
  std::optional<std::string> header(std::string_view name) const;
  /// Returns the headers.
  Headers headers() const;

 private:
  friend struct detail::Fields;
  std::shared_ptr<const detail::Envelope> envelope_;
  std::string_view from_;
  Payload payload_;
};

/// What came of a request: a reply or an error. Copying is cheap; safe to read from any thread.
class Outcome {
 public:
  /// Makes the outcome of a request that was answered.
  Outcome(Reply reply) : reply_(std::move(reply)) {}  // NOLINT: a reply is an outcome
  /// Makes the outcome of one that failed.
  Outcome(Error error) : error_(std::move(error)) {}  // NOLINT

  /// Tells whether there is a reply.
  explicit operator bool() const noexcept { return reply_.has_value(); }
  /// Returns the reply, or throws the error.
  const Reply& reply() const {
    if (error_) throw *error_;
    return *reply_;
  }
  /// Returns the error; `nullptr` if there is a reply.
  const Error* error() const noexcept { return error_ ? &*error_ : nullptr; }

 private:
  std::optional<Reply> reply_;
  std::optional<Error> error_;
};

}  // namespace buslane
