// Requests under way, and answers in several parts.
#include "pending.hpp"

namespace buslane {

namespace detail {

void OutcomeSlot::handle(Core& core, native::Event& event) {
  core.forget(event.token());
  Outcome outcome = outcome_of([&] { return event.take_reply(); });
  core.call([&] { callback_(outcome); });
}

void OutcomeSlot::abandon(Core&) { callback_(Outcome(Error(ErrorCode::closed, "the client has ended"))); }

namespace {

void tell_outcome(Held<native::Pending>& pending, std::function<void(const Outcome&)> callback) {
  Core& core = pending.core();
  auto slot = std::make_shared<OutcomeSlot>(std::move(callback));
  const std::uint64_t token = core.add(slot);
  if (native_call([&] { return pending.get().then(core.bus(), token); })) return;
  // Nobody calls back any more: the client is closed. Who takes the slot out calls it.
  if (core.forget(token)) slot->call(core, outcome_of([&] { return pending.get().wait(); }));
}

}  // namespace

void OutcomeSlot::call(Core& core, const Outcome& outcome) {
  core.call([&] { callback_(outcome); });
}

rust::Box<native::Part> PartsState::next() {
  if (!found_) return native_call([&] { return held.get().next(); });
  rust::Box<native::Part> part = std::move(*found_);
  found_.reset();
  return part;
}

bool PartsState::wait_for(std::chrono::milliseconds time) {
  if (found_) return true;
  rust::Box<native::Part> part = native_call([&] { return held.get().next_within(bound(time)); });
  if (part->is_late()) return false;
  found_ = std::move(part);
  return true;
}

}  // namespace detail

Pending<Reply>::Pending(std::unique_ptr<detail::PendingState> state) : state_(std::move(state)) {}
Pending<Reply>::Pending(Pending&&) noexcept = default;

Pending<Reply>& Pending<Reply>::operator=(Pending&& other) noexcept {
  Pending ending(std::move(*this));
  state_ = std::move(other.state_);
  return *this;
}

Pending<Reply>::~Pending() {
  if (!state_ || state_->held.core().is_foreign()) return;
  detail::try_native([&] { state_->held.get().cancel(); });
}

Reply Pending<Reply>::get() const {
  auto& native = detail::present(state_).held.get();
  return detail::native_call([&] { return detail::Fields::reply(native.wait()); });
}

bool Pending<Reply>::wait_for(std::chrono::milliseconds time) const {
  auto& native = detail::present(state_).held.get();
  return detail::native_call([&] { return native.has_ended_within(detail::bound(time)); });
}

void Pending<Reply>::then(std::function<void(const Outcome&)> callback) && {
  detail::tell_outcome(detail::present(state_).held, std::move(callback));
  state_.reset();
}

bool Pending<Reply>::cancel() const {
  auto& native = detail::present(state_).held.get();
  return detail::native_call([&] { return native.cancel(); });
}

void Pending<Reply>::detach() && { state_.reset(); }

ReplyStream::ReplyStream(std::unique_ptr<detail::PartsState> state) : state_(std::move(state)) {}
ReplyStream::ReplyStream(ReplyStream&&) noexcept = default;
ReplyStream& ReplyStream::operator=(ReplyStream&&) noexcept = default;
ReplyStream::~ReplyStream() = default;

std::optional<Reply> ReplyStream::next() {
  rust::Box<native::Part> part = detail::present(state_).next();
  if (part->is_over()) return std::nullopt;
  return detail::native_call([&] { return detail::Fields::reply(part->take_reply()); });
}

bool ReplyStream::wait_for(std::chrono::milliseconds time) { return detail::present(state_).wait_for(time); }

void ReplyStream::cancel() {
  auto& native = detail::present(state_).held.get();
  detail::native_call([&] { native.cancel(); });
}

Gathering::Gathering(std::unique_ptr<detail::PartsState> state) : state_(std::move(state)) {}
Gathering::Gathering(Gathering&&) noexcept = default;
Gathering& Gathering::operator=(Gathering&&) noexcept = default;
Gathering::~Gathering() = default;

std::optional<Gathered> Gathering::next() {
  rust::Box<native::Part> part = detail::present(state_).next();
  if (part->is_over()) return std::nullopt;
  std::string from(detail::view(part->from()));
  return Gathered{std::move(from), detail::outcome_of([&] { return part->take_reply(); })};
}

bool Gathering::wait_for(std::chrono::milliseconds time) { return detail::present(state_).wait_for(time); }

std::vector<Gathered> Gathering::collect() {
  std::vector<Gathered> all;
  while (std::optional<Gathered> one = next()) {
    if (one->from.empty()) one->outcome.reply();
    all.push_back(std::move(*one));
  }
  return all;
}

std::optional<Summary> Gathering::summary() const {
  auto& native = detail::present(state_).held.get();
  const native::Summary summary = detail::native_call([&] { return native.summary(); });
  if (!summary.known) return std::nullopt;
  return Summary{summary.expected, summary.replied, summary.failed};
}

void Gathering::cancel() {
  auto& native = detail::present(state_).held.get();
  detail::native_call([&] { native.cancel(); });
}

}  // namespace buslane
