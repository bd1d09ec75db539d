// Subscriptions and watches of services.
#include "service.hpp"

namespace buslane {

namespace detail {

namespace {

class BatchEnvelope final : public Envelope {
 public:
  explicit BatchEnvelope(rust::Box<native::Batch> batch) : batch_(std::move(batch)) {}
  Headers headers(std::size_t index) const override {
    return native_call([&] { return detail::headers(batch_->headers(index)); });
  }
  const native::Batch& batch() const { return *batch_; }

 private:
  rust::Box<native::Batch> batch_;
};

class MessageSlot final : public Slot {
 public:
  MessageSlot(std::function<void(const Message&)> callback, SubscribeOptions& options)
      : callback_(std::move(callback)), on_gap_(std::move(options.on_gap)), on_end_(std::move(options.on_end)) {}

 private:
  void handle(Core& core, native::Event& event) override {
    if (event.kind() == native::Kind::Over) {
      core.forget(event.token());
      if (on_end_) core.call(on_end_);
      return;
    }
    const auto envelope = std::make_shared<const BatchEnvelope>(event.take_batch());
    const std::size_t count = envelope->batch().len();
    for (std::size_t index = 0; index < count && !is_stopped(); ++index) deliver(core, envelope, index);
  }

  void deliver(Core& core, const std::shared_ptr<const BatchEnvelope>& envelope, std::size_t index) {
    const native::Delivered delivered = envelope->batch().delivered(index);
    if (!delivered.gap) {
      core.call([&] { callback_(Fields::message(envelope, index, delivered)); });
    } else if (on_gap_) {
      core.call([&] { on_gap_(Gap{delivered.gap_count, delivered.gap_bytes, delivered.gap_unknown}); });
    }
  }

  std::function<void(const Message&)> callback_;
  std::function<void(const Gap&)> on_gap_;
  std::function<void()> on_end_;
};

class PresenceSlot final : public Slot {
 public:
  explicit PresenceSlot(std::function<void(const PresenceEvent&)> callback) : callback_(std::move(callback)) {}

 private:
  void handle(Core& core, native::Event& event) override {
    if (event.kind() != native::Kind::Presence) return;
    core.call([&] { callback_(presence(event.take_presence())); });
  }
  std::function<void(const PresenceEvent&)> callback_;
};

}  // namespace

struct SubscriptionState {
  Tokens tokens;
  Held<native::Watch> held;
  SubscriptionState(std::shared_ptr<Core> core, rust::Box<native::Watch> native, Tokens owned)
      : tokens(std::move(owned)), held(std::move(core), std::move(native)) {}
};

}  // namespace detail

Subscription Client::subscribe(std::string_view filter, std::function<void(const Message&)> callback,
                               SubscribeOptions options) {
  detail::Core& core = detail::usable(core_);
  const rust::Str lent = detail::lend(filter, ErrorCode::invalid_filter);
  native::SubscribeOptions native_options = detail::subscribe_options(options);
  detail::Tokens tokens(core_);
  const std::uint64_t token = tokens.add(std::make_shared<detail::MessageSlot>(std::move(callback), options));
  auto watch = detail::native_call([&] { return core.bus().subscribe(token, lent, std::move(native_options)); });
  return Subscription(std::make_unique<detail::SubscriptionState>(core_, std::move(watch), std::move(tokens)));
}

Subscription Client::watch_presence(std::function<void(const PresenceEvent&)> callback) {
  detail::Core& core = detail::usable(core_);
  detail::Tokens tokens(core_);
  const std::uint64_t token = tokens.add(std::make_shared<detail::PresenceSlot>(std::move(callback)));
  auto watch = detail::native_call([&] { return core.bus().presence(token); });
  return Subscription(std::make_unique<detail::SubscriptionState>(core_, std::move(watch), std::move(tokens)));
}

Subscription::Subscription(std::unique_ptr<detail::SubscriptionState> state) : state_(std::move(state)) {}
Subscription::Subscription(Subscription&&) noexcept = default;
Subscription& Subscription::operator=(Subscription&&) noexcept = default;
Subscription::~Subscription() = default;

void Subscription::pause() {
  auto& native = detail::present(state_).held.get();
  detail::native_call([&] { native.pause(); });
}

void Subscription::resume() {
  auto& native = detail::present(state_).held.get();
  detail::native_call([&] { native.resume(); });
}

void Subscription::unsubscribe() {
  auto& native = detail::present(state_).held.get();
  detail::native_call([&] { native.end_confirmed(); });
}

void Subscription::keep() && {
  detail::SubscriptionState& state = detail::present(state_);
  state.tokens.keep();
  state.held.leave_to_client();
  state_.reset();
}

}  // namespace buslane
