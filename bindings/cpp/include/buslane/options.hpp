/// @file
/// What may be said about a client, a request, a publish and a subscription. Plain values.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <string>

#include <buslane/message.hpp>

namespace buslane {

/// Where the connection to the broker stands.
struct ConnectionState {
  /// The states.
  enum class Kind {
    connecting,    ///< The first connection is being made.
    connected,     ///< The broker has accepted the client.
    disconnected,  ///< The connection is lost, or an attempt failed; another follows by itself after `wait`.
    draining,      ///< The broker shuts down, and closes the connection after `wait`.
    taken_over,    ///< Another process took over an instance of this client, which has ended.
    closed,        ///< The program closed the client.
    refused,       ///< The broker will never take this client, which has ended.
  };
  Kind kind = Kind::connecting;         ///< Which it is.
  std::string client;                   ///< The client's id on this broker, while connected.
  std::string node;                     ///< The broker's node name, while connected.
  std::string server;                   ///< The broker's software and version, while connected.
  std::chrono::milliseconds wait{0};    ///< See the kinds.
  std::optional<Error> error;           ///< Why it is disconnected or refused.

  /// Tells whether the client has ended, so that no other state follows.
  bool is_final() const noexcept {
    return kind == Kind::taken_over || kind == Kind::closed || kind == Kind::refused;
  }
};

/// What went wrong outside any call, so that no call could throw it.
struct Report {
  /// What it was.
  enum class Kind {
    refused,              ///< The broker refused a message that awaits no answer, as a publish.
    answer_refused,       ///< The broker refused what a handler answered; the caller has its own error.
    registration_failed,  ///< A registration that was made before is refused.
    subscription_failed,  ///< A subscription that was made before is refused, and has ended.
  };
  Kind kind = Kind::refused;  ///< Which it is.
  std::string about;          ///< The service's name, or the filter.
  bool retries = false;       ///< Whether the client tries again by itself.
  Error error;                ///< Why.
};

/// What a program may say about its client. What is not said is as the library thinks best.
struct Options {
  std::string url;    ///< Where the broker is. Default: `BUSLANE_URL`, else `buslane://127.0.0.1:5959`.
  std::string name;   ///< The client's name, by which others see it. Default: the broker's choice.
  std::string token;  ///< Proves to the broker who the client is.
  bool lazy = false;  ///< Whether `connect` returns at once, with or without a broker.
  bool json = false;  ///< Whether JSON text travels instead of binary frames.
  std::optional<std::chrono::milliseconds> connect_timeout;  ///< How long `connect` waits. Default: 5 s.
  std::optional<std::chrono::milliseconds> request_timeout;  ///< Of requests that name none. Default: 5 s.
  std::optional<std::size_t> queue_bytes;    ///< What a subscription may hold. Default: 4 MiB.
  std::optional<std::size_t> offline_bytes;  ///< What may wait for a connection. Default: 1 MiB.
  std::optional<std::chrono::milliseconds> ping_after;  ///< Silence before a ping, with `gone_after`. Default: 15 s.
  std::optional<std::chrono::milliseconds> gone_after;  ///< Silence before giving up, with `ping_after`. Default: 45 s.
  std::optional<std::chrono::milliseconds> first_backoff;    ///< With `longest_backoff`. Default: 100 ms.
  std::optional<std::chrono::milliseconds> longest_backoff;  ///< With `first_backoff`. Default: 30 s.

  std::function<void(const ConnectionState&)> on_state;   ///< Told of the connection: its present state first.
  std::function<void(const Report&)> on_report;           ///< Told of what goes wrong outside any call.
  std::function<void(std::exception_ptr)> on_exception;   ///< Told what a callback threw. Default: a line on stderr.
};

/// What may be said about a request.
struct CallOptions {
  std::optional<std::chrono::milliseconds> timeout;  ///< When it ends at the latest; of a stream, each part.
  bool without_timeout = false;                      ///< Lets a stream take any time; for streams only.
  std::uint16_t credit = 0;                          ///< Parts of a stream that may be on their way. Default: 64.
  Headers headers;                                   ///< Names in lower case.
};

/// What may be said about a publish.
struct PublishOptions {
  bool retain = false;                                  ///< Keeps the message for later subscribers.
  std::optional<std::chrono::milliseconds> retain_for;  ///< Keeps it for a time.
  bool exclude_self = false;                            ///< Leaves this client's own subscriptions out.
  Headers headers;                                      ///< Names in lower case.
};

/// What gives way when a queue is full.
enum class Overflow {
  drop_oldest,  ///< The oldest messages.
  drop_newest,  ///< The newest messages.
  disconnect,   ///< The subscription.
};

/// What may be said about a subscription.
struct SubscribeOptions {
  std::string shared;                         ///< Makes it a member of the shared subscription of this name.
  Overflow overflow = Overflow::drop_oldest;  ///< What gives way when a queue is full.
  std::uint32_t credit = 0;                   ///< Messages that may come before any is taken; 0 for all.
  std::optional<std::size_t> queue_bytes;     ///< What it may hold. Default: as the client's options say.
  std::function<void(const Gap&)> on_gap;     ///< Told where messages are missing, in their place.
  std::function<void()> on_end;               ///< Told that it has ended by itself.
};

}  // namespace buslane
