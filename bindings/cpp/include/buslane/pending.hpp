/// @file
/// Requests under way, and answers in several parts.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <buslane/export.hpp>
#include <buslane/message.hpp>

namespace buslane {

namespace detail {
class Core;
struct PendingState;
struct PartsState;
}  // namespace detail

/// Something that is awaited; there is `Pending<Reply>`.
template <class T>
class Pending;

/// A request under way. It ends exactly once, at its deadline at the latest.
///
/// Move-only. Dropped before its end it cancels the request, on the bus too, unless `then` or `detach` was said.
/// `cancel` may be called while another thread waits; all else is for one thread at a time.
template <>
class [[nodiscard]] BUSLANE_API Pending<Reply> {
 public:
  Pending(Pending&&) noexcept;  ///< Moves.
  Pending& operator=(Pending&&) noexcept;  ///< Moves; what was held before ends.
  ~Pending();

  /// Waits for the reply. Throws `Error` if there is none. May be called again.
  Reply get() const;
  /// Waits at most for a time. Returns whether the request has ended.
  bool wait_for(std::chrono::milliseconds time) const;
  /// Tells whether the request has ended.
  bool has_ended() const { return wait_for(std::chrono::milliseconds(0)); }
  /// Has the outcome told, once, on the client's callback thread; at once if it is there. Gives this handle up.
  void then(std::function<void(const Outcome&)> callback) &&;
  /// Cancels the request: `get` throws `cancelled`. Returns whether it was still under way.
  bool cancel() const;
  /// Lets the request go on without anybody waiting for it.
  void detach() &&;

 private:
  friend class Client;
  explicit Pending(std::unique_ptr<detail::PendingState> state);
  std::unique_ptr<detail::PendingState> state_;
};

/// The parts in which one callee answers, taken one by one. Dropping it cancels the request.
///
/// Move-only. `cancel` may be called while another thread waits in `next`.
class [[nodiscard]] BUSLANE_API ReplyStream {
 public:
  ReplyStream(ReplyStream&&) noexcept;  ///< Moves.
  ReplyStream& operator=(ReplyStream&&) noexcept;  ///< Moves; what was held before ends.
  ~ReplyStream();

  /// Waits for the next part; nothing after the last, and after `cancel`. Throws `Error` where the stream broke off.
  std::optional<Reply> next();
  /// Waits at most for a time. Returns whether `next` has something to say at once, the end included.
  bool wait_for(std::chrono::milliseconds time);
  /// Cancels the request, on the bus too.
  void cancel();

 private:
  friend class Client;
  explicit ReplyStream(std::unique_ptr<detail::PartsState> state);
  std::unique_ptr<detail::PartsState> state_;
};

/// What one instance answered to a gathered request.
struct Gathered {
  std::string from;  ///< `service#instance`, or the address that nothing answers to; empty if all failed at once.
  Outcome outcome;   ///< What it answered.
};

/// How a gathered request ended.
struct Summary {
  std::uint32_t expected = 0;  ///< How many were asked.
  std::uint32_t replied = 0;   ///< How many replied.
  std::uint32_t failed = 0;    ///< How many failed, were lost or did not answer in time.
};

/// The replies of several instances, taken one by one. Dropping it cancels the request.
///
/// Move-only. `cancel` may be called while another thread waits in `next`.
class [[nodiscard]] BUSLANE_API Gathering {
 public:
  Gathering(Gathering&&) noexcept;  ///< Moves.
  Gathering& operator=(Gathering&&) noexcept;  ///< Moves; what was held before ends.
  ~Gathering();

  /// Waits for the next answer; nothing after the last, and after `cancel`.
  std::optional<Gathered> next();
  /// Waits at most for a time. Returns whether `next` has something to say at once, the end included.
  bool wait_for(std::chrono::milliseconds time);
  /// Waits for all answers. Throws `Error` if the request failed as a whole.
  std::vector<Gathered> collect();
  /// Returns how it ended; nothing before the last answer.
  std::optional<Summary> summary() const;
  /// Cancels the request, on the bus too.
  void cancel();

 private:
  friend class Client;
  explicit Gathering(std::unique_ptr<detail::PartsState> state);
  std::unique_ptr<detail::PartsState> state_;
};

}  // namespace buslane
