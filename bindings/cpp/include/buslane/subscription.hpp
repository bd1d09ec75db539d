/// @file
/// What a program listens to.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <buslane/export.hpp>

namespace buslane {

namespace detail {
struct SubscriptionState;
}  // namespace detail

/// A subscription, or a watch of services. Dropping it ends it, and no callback of it runs after that: the destructor
/// waits for one that is running, unless it is called by that one.
///
/// Move-only; for one thread at a time.
class [[nodiscard]] BUSLANE_API Subscription {
 public:
  Subscription(Subscription&&) noexcept;  ///< Moves.
  Subscription& operator=(Subscription&&) noexcept;  ///< Moves; what was held before ends.
  ~Subscription();

  /// Lets what comes wait in the client's queue, under the subscription's overflow rule.
  void pause();
  /// Goes on after `pause`.
  void resume();
  /// Ends it, and waits until the broker has confirmed that.
  void unsubscribe();
  /// Lets the subscription last as long as the client.
  void keep() &&;

 private:
  friend class Client;
  explicit Subscription(std::unique_ptr<detail::SubscriptionState> state);
  std::unique_ptr<detail::SubscriptionState> state_;
};

/// A service that comes or goes.
struct PresenceEvent {
  /// What happened.
  enum class Kind {
    connect,       ///< An instance has registered.
    disconnect,    ///< An instance has gone, for `reason`.
    online,        ///< The first instance of a service has registered.
    offline,       ///< The last instance of a service has gone.
    snapshot_end,  ///< Everything that was so before the watch began has been told.
  };
  Kind kind = Kind::snapshot_end;    ///< Which it is.
  std::string service;               ///< The service's name.
  std::string instance;              ///< The instance's name, of `connect` and `disconnect`, as all that follows.
  std::string version;               ///< The service's version, as the instance says.
  std::string node;                  ///< The broker that it is connected to.
  std::string reason;                ///< Why it is gone.
  std::vector<std::string> groups;   ///< The groups that it belongs to.
  std::vector<std::string> methods;  ///< The names of its methods.
  bool snapshot = false;             ///< Whether it was so before the watch began.
};

}  // namespace buslane
