/// @file
/// What a program offers, and the requests that come in.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <buslane/export.hpp>
#include <buslane/message.hpp>

namespace buslane {

namespace detail {
class Core;
class MethodSlot;
struct RequestState;
struct RegistrationState;
struct Fields;
}  // namespace detail

/// A request that came in. Copies share it; it is answered once, by whichever copy, from any thread. Dropped without an
/// answer, its caller gets an error. One that was moved from says `closed`.
class BUSLANE_API Request {
 public:
  /// Returns the address as the caller wrote it.
  std::string_view address() const noexcept { return address_; }
  /// Returns who asks: `service#instance`, or a client's name.
  std::string_view from() const noexcept { return from_; }
  /// Returns the caller's id of the request; empty if it gave none.
  std::string_view id() const noexcept { return id_; }
  /// Returns what it carries.
  Payload payload() const noexcept { return payload_; }
  /// Returns the value of a header, if it is there.
  std::optional<std::string> header(std::string_view name) const;
  /// Returns the headers.
  Headers headers() const;
  /// Returns which attempt this is, from 1.
  unsigned attempt() const;
  /// Returns the time left until the caller gives up; nothing if it never does.
  std::optional<std::chrono::milliseconds> time_left() const;
  /// Tells whether the caller takes the answer in parts.
  bool wants_stream() const;
  /// Tells whether nobody waits for the answer any more.
  bool is_cancelled() const;
  /// Has it told, once, that nobody waits any more; not after the answer. On the client's callback thread.
  void on_cancel(std::function<void()> callback);

  /// Answers. Throws `Error` if it was answered, nobody waits any more, or the body is no JSON.
  void reply(const Body& body);
  /// Answers with the service's own error.
  void fail(const ServiceError& error);
  /// Sends one part of a stream, and waits while the caller takes no more. Throws `Error` when nobody waits any more.
  void chunk(const Body& body);
  /// Ends a stream.
  void end();

 private:
  friend struct detail::Fields;
  std::shared_ptr<detail::RequestState> state_;
  std::string_view address_, from_, id_;
  Payload payload_;
};

/// The contract of a topic, which holds for whoever publishes to it.
struct TopicContract {
  std::string topic;              ///< The topic.
  std::string schema;             ///< The JSON Schema of what may be published; empty for none.
  bool retained = false;          ///< Whether publishes are retained unless they say otherwise.
  bool refuse_when_full = false;  ///< Whether a publish fails rather than overflow a receiver's queue.
  std::string description;        ///< What it is, for people.
};

/// What a program offers: a value to be handed to `Client::register_service`, as often as it is wanted. For one thread at a
/// time.
class BUSLANE_API Service {
 public:
  /// Answers at once: what it returns is the reply; it throws `ServiceError` to answer with an error.
  using Handler = std::function<Body(const Request&)>;
  /// Answers now or later, from any thread, through the request.
  using DeferredHandler = std::function<void(Request)>;

  /// Begins a service.
  Service(std::string name, std::string version);
  Service(const Service&);  ///< Copies.
  Service(Service&&) noexcept;  ///< Moves.
  Service& operator=(const Service&);  ///< Copies.
  Service& operator=(Service&&) noexcept;  ///< Moves.
  ~Service();

  /// Names the instance; the broker chooses a name otherwise.
  Service& instance(std::string name);
  /// Adds the instance to a group, which callers address as `@group:method`.
  Service& group(std::string name);
  /// Adds anything else worth knowing, as JSON text.
  Service& meta(std::string json);
  /// Adds a method that takes any input.
  Service& method(std::string name, Handler handler);
  /// Adds a method with the JSON Schema of its input.
  Service& method(std::string name, std::string input_schema, Handler handler);
  /// Adds a method that is answered later, or in parts.
  Service& deferred_method(std::string name, DeferredHandler handler);
  /// Adds one with the JSON Schema of its input.
  Service& deferred_method(std::string name, std::string input_schema, DeferredHandler handler);
  /// Sets the JSON Schema of what a method answers.
  Service& output_schema(const std::string& method, std::string schema);
  /// Describes a method, for people.
  Service& description(const std::string& method, std::string text);
  /// Declares the contract of a topic.
  Service& topic(TopicContract contract);
  /// Adds a schema to which the others may refer by its URI.
  Service& schema(std::string uri, std::string schema);

 private:
  friend class Client;
  struct Method {
    std::string name, input, output, description;
    Handler handler;
    DeferredHandler deferred;
  };
  Method& add(std::string name, std::string input);
  Method& find(const std::string& name);

  std::string name_, version_, instance_, meta_;
  std::vector<std::string> groups_;
  std::vector<Method> methods_;
  std::vector<TopicContract> topics_;
  std::vector<std::pair<std::string, std::string>> schemas_;
};

/// A service that is registered, across lost connections. Dropping it ends the registration, and no handler of it runs
/// after that: the destructor waits for one that is running, unless it is called by that one.
///
/// Move-only; for one thread at a time.
class [[nodiscard]] BUSLANE_API Registration {
 public:
  Registration(Registration&&) noexcept;  ///< Moves.
  Registration& operator=(Registration&&) noexcept;  ///< Moves; what was held before ends.
  ~Registration();

  /// Returns the service's name.
  std::string name() const;
  /// Returns the instance's name; empty while the broker, who chooses it, has not accepted the registration.
  std::string instance() const;
  /// Returns what it breaks, or may break, for those who use the service, as JSON text; empty if nothing.
  std::string compatibility() const;
  /// Ends the registration at once, and waits until the broker has confirmed it.
  void unregister();
  /// Ends it after the requests under way; waits for them. New ones go elsewhere from now on.
  void drain();
  /// Does so, and waits at most for a time. Returns whether it has ended; if not, it goes on to, and may be waited for
  /// again.
  bool drain_for(std::chrono::milliseconds time);
  /// Lets the registration last as long as the client.
  void keep() &&;

 private:
  friend class Client;
  explicit Registration(std::unique_ptr<detail::RegistrationState> state);
  std::unique_ptr<detail::RegistrationState> state_;
};

}  // namespace buslane
