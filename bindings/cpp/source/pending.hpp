// What pending requests and parts hold. Not public.
#pragma once

#include <algorithm>

#include "core.hpp"

namespace buslane::detail {

// Returns what is held. Throws if the handle was moved from.
template <class State>
State& present(const std::unique_ptr<State>& state) {
  if (!state) throw Error(ErrorCode::closed, "the handle was moved from or given up");
  return *state;
}

struct PendingState {
  Held<native::Pending> held;
  PendingState(std::shared_ptr<Core> core, rust::Box<native::Pending> native)
      : held(std::move(core), std::move(native)) {}
  static PendingState& of(const std::unique_ptr<PendingState>& state) { return present(state); }
};

struct PartsState {
  Held<native::Parts> held;
  PartsState(std::shared_ptr<Core> core, rust::Box<native::Parts> native) : held(std::move(core), std::move(native)) {}
  static PartsState& of(const std::unique_ptr<PartsState>& state) { return present(state); }
};

// Calls back with what comes of a request, once.
class OutcomeSlot final : public Slot {
 public:
  explicit OutcomeSlot(std::function<void(const Outcome&)> callback) : callback_(std::move(callback)) {}
  void call(Core& core, const Outcome& outcome);
  void abandon(Core& core) override;

 private:
  void handle(Core& core, native::Event& event) override;
  std::function<void(const Outcome&)> callback_;
};

// Makes an outcome of what returns a reply or fails.
template <class Work>
Outcome outcome_of(Work&& work) {
  try {
    return Outcome(native_call([&] { return Fields::reply(work()); }));
  } catch (const Error& error) {
    return Outcome(error);
  }
}

}  // namespace buslane::detail
