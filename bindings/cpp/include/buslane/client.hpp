/// @file
/// The client: how a program is on the bus.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <buslane/export.hpp>
#include <buslane/message.hpp>
#include <buslane/options.hpp>
#include <buslane/pending.hpp>
#include <buslane/service.hpp>
#include <buslane/subscription.hpp>

namespace buslane {

/// A client of a bus. It makes its connection again whenever it is lost; registrations and subscriptions come back by
/// themselves.
///
/// Move-only. All of its functions may be called from any number of threads at a time, and from callbacks; moving and
/// destroying it may not. Callbacks run one after another on one thread of the client's, under no lock. One that blocks
/// delays the others, never the connection.
///
/// After `close` every function throws `Error` with `ErrorCode::closed`. A client does not outlive `fork`: in the child
/// every function throws the same, and destructors do nothing.
class BUSLANE_API Client {
  // What is nothing but text, of whatever kind.
  template <class Text>
  static constexpr bool is_text = std::is_same_v<Text, std::string> || std::is_same_v<Text, std::string_view> ||
                                  std::is_same_v<std::decay_t<const Text>, const char*> || std::is_same_v<Text, char*>;

 public:
  /// Connects to the broker that `BUSLANE_URL` names, else to `127.0.0.1:5959`. Waits up to 5 s.
  /// Throws `Error`: `unreachable`, `invalid_address`, or why the broker refuses the client.
  static Client connect();
  /// Connects to the broker at a URL.
  static Client connect(std::string url);
  /// Connects as the options say.
  static Client connect(Options options);

  Client(Client&&) noexcept;  ///< Moves.
  Client& operator=(Client&&) noexcept;  ///< Moves; what was held before ends.
  /// Leaves the bus, as `close` does.
  ~Client();

  /// Calls a method: `service:method`, or `service#instance:method`. Waits only while much is on its way already.
  /// Throws `Error` for what cannot be sent at all; everything else comes of the pending reply.
  Pending<Reply> request(std::string_view address, const Body& body = {}, const CallOptions& options = {});
  /// Calls a method and has the outcome told, once.
  void request(std::string_view address, const Body& body, std::function<void(const Outcome&)> callback,
               const CallOptions& options = {});
  /// Calls a method that answers in parts. The callee sends no faster than they are taken.
  ReplyStream request_stream(std::string_view address, const Body& body = {}, const CallOptions& options = {});
  /// Calls a method of every instance of a group (`@group:method`) or of every one that has it (`*:method`).
  Gathering gather(std::string_view address, const Body& body = {}, const CallOptions& options = {});
  /// Calls several addresses.
  Gathering gather(const std::vector<std::string>& addresses, const Body& body = {}, const CallOptions& options = {});

  /// Publishes to a topic. Waits only while much is on its way already. What the broker refuses is a `Report`.
  void publish(std::string_view topic, const Body& body, const PublishOptions& options = {});
  /// Publishes JSON text without options, which is what is published most. Does the same, and makes no body on the way.
  template <class Text, class = std::enable_if_t<is_text<Text>>>
  void publish(std::string_view topic, const Text& text) {
    publish_text(topic, text);
  }
  /// Publishes if that needs no wait. Returns false while much is on its way, and nothing has happened.
  bool try_publish(std::string_view topic, const Body& body, const PublishOptions& options = {});
  /// Publishes, and waits until the broker has routed it. Returns to how many clients.
  std::uint32_t publish_acked(std::string_view topic, const Body& body, const PublishOptions& options = {});
  /// Removes the retained value of a topic, and waits until the broker has done so. Returns how many clients were told.
  std::uint32_t clear_retained(std::string_view topic);

  /// Subscribes to the topics that a filter selects: `+` stands for one level, `#` for the rest. Waits for the broker.
  Subscription subscribe(std::string_view filter, std::function<void(const Message&)> callback,
                         SubscribeOptions options = {});
  /// Watches services come and go: first those that are there, then the changes.
  Subscription watch_presence(std::function<void(const PresenceEvent&)> callback);

  /// Registers a service, and waits for the broker; without a connection it is remembered.
  Registration register_service(const Service& service);

  /// Waits until the broker has processed everything that was sent before.
  void flush();
  /// Returns where the connection stands.
  ConnectionState state() const;
  /// Tells whether there is a connection now.
  bool is_connected() const;
  /// Returns where the client looks for the broker.
  std::string url() const;
  /// Leaves the bus: what was sent before is written out, everything that is awaited fails with `closed`, and callbacks
  /// that are due are made. Waits for them, unless it is called by one. Closing again does nothing.
  void close();

 private:
  explicit Client(std::shared_ptr<detail::Core> core);
  void publish_text(std::string_view topic, std::string_view text);
  std::shared_ptr<detail::Core> core_;
};

}  // namespace buslane
