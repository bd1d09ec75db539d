// What registrations hold. Not public.
#pragma once

#include "pending.hpp"

namespace buslane::detail {

// Calls a method's handler.
class MethodSlot final : public Slot {
 public:
  MethodSlot(Service::Handler handler, Service::DeferredHandler deferred)
      : handler_(std::move(handler)), deferred_(std::move(deferred)) {}

 private:
  void handle(Core& core, native::Event& event) override;
  void answer(Core& core, Request& request, const Body& body);

  Service::Handler handler_;
  Service::DeferredHandler deferred_;
};

// Slots that are stopped when this is dropped.
class Tokens {
 public:
  explicit Tokens(std::shared_ptr<Core> core) : core_(std::move(core)) {}
  Tokens(Tokens&&) noexcept = default;
  ~Tokens() {
    if (!core_ || core_->is_foreign()) return;
    for (const std::uint64_t token : tokens_) core_->remove(token);
  }
  std::uint64_t add(std::shared_ptr<Slot> slot) {
    tokens_.push_back(core_->add(std::move(slot)));
    return tokens_.back();
  }
  // Leaves the slots to the client.
  void keep() noexcept { tokens_.clear(); }

 private:
  std::shared_ptr<Core> core_;
  std::vector<std::uint64_t> tokens_;
};

struct RegistrationState {
  Tokens tokens;
  Held<native::Registration> held;
  bool draining = false;
  RegistrationState(std::shared_ptr<Core> core, rust::Box<native::Registration> native, Tokens owned)
      : tokens(std::move(owned)), held(std::move(core), std::move(native)) {}
};

// Returns the client that is shared. Throws if it was moved from.
inline Core& usable(const std::shared_ptr<Core>& core) {
  if (!core) throw Error(ErrorCode::closed, "the client was moved from");
  return *core;
}

}  // namespace buslane::detail
