// What pending requests and parts hold. Not public.
#pragma once

#include <algorithm>

#include "core.hpp"

namespace buslane::detail {

struct PendingState {
  Held<native::Pending> held;
  PendingState(std::shared_ptr<Core> core, rust::Box<native::Pending> native)
      : held(std::move(core), std::move(native)) {}
};

struct PartsState {
  Held<native::Parts> held;
  PartsState(std::shared_ptr<Core> core, rust::Box<native::Parts> native) : held(std::move(core), std::move(native)) {}

  // Waits for the next part or the end.
  rust::Box<native::Part> next();
  // Waits for it at most for a time, and leaves it there.
  bool wait_for(std::chrono::milliseconds time);

 private:
  // What `wait_for` found.
  std::optional<rust::Box<native::Part>> found_;
};

// Returns a time as the border takes it.
inline std::uint64_t bound(std::chrono::milliseconds time) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(time.count(), 0));
}

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
