// The thread that calls back, and how what it calls is stopped.
#include "core.hpp"

#include <cstdio>
#include <system_error>

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif

namespace buslane::detail {

namespace {

// How often this process's line of ancestors has forked since the library was loaded.
std::atomic<unsigned> forks{0};

unsigned generation() {
#if defined(__unix__) || defined(__APPLE__)
  static const int watched = pthread_atfork(nullptr, nullptr, [] { forks.fetch_add(1, std::memory_order_relaxed); });
  (void)watched;
#endif
  return forks.load(std::memory_order_relaxed);
}

// Milliseconds that closing waits for what was sent to be written out.
constexpr std::uint64_t kCloseTime = 5000;

class StateSlot final : public Slot {
 public:
  explicit StateSlot(std::function<void(const ConnectionState&)> callback) : callback_(std::move(callback)) {}

 private:
  void handle(Core& core, native::Event& event) override {
    if (event.kind() != native::Kind::State) return;
    core.call([&] { callback_(state(event.take_state())); });
  }
  std::function<void(const ConnectionState&)> callback_;
};

class ReportSlot final : public Slot {
 public:
  explicit ReportSlot(std::function<void(const Report&)> callback) : callback_(std::move(callback)) {}

 private:
  void handle(Core& core, native::Event& event) override {
    if (event.kind() != native::Kind::Report) return;
    core.call([&] { callback_(report(event.take_report())); });
  }
  std::function<void(const Report&)> callback_;
};

void print(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception& thrown) {
    std::fprintf(stderr, "buslane: a callback threw: %s\n", thrown.what());
  } catch (...) {
    std::fprintf(stderr, "buslane: a callback threw something that is no std::exception\n");
  }
}

}  // namespace

void Slot::take(Core& core, native::Event& event) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (stopped_) return;
    running_ = true;
  }
  handle(core, event);
  std::lock_guard<std::mutex> lock(mutex_);
  running_ = false;
  idle_.notify_all();
}

void Slot::stop(bool wait) noexcept {
  std::unique_lock<std::mutex> lock(mutex_);
  stopped_ = true;
  if (wait) idle_.wait(lock, [this] { return !running_; });
}

Core::Core(rust::Box<native::Bus> bus, std::function<void(std::exception_ptr)> on_exception)
    : bus_(std::move(bus)), on_exception_(std::move(on_exception)), born_(generation()) {}

Core::~Core() {
  if (!is_foreign()) return;
  // What it holds lives in the parent, which goes on with it.
  (void)bus_.into_raw();
  for (auto& watch : watches_) (void)watch.into_raw();
}

void Core::start(const Options& options) {
  if (options.on_state) watches_.push_back(bus_->states(add(std::make_shared<StateSlot>(options.on_state))));
  if (options.on_report) watches_.push_back(bus_->reports(add(std::make_shared<ReportSlot>(options.on_report))));
  thread_ = std::thread([self = shared_from_this()] { self->run(); });
}

void Core::close() noexcept {
  if (is_foreign()) return;
  const bool first = !closed_.exchange(true);
  if (first) close_native();
  if (on_callback_thread()) {
    std::unique_lock<std::mutex> lock(closing_, std::try_to_lock);
    if (lock && thread_.joinable()) thread_.detach();
    return;
  }
  std::lock_guard<std::mutex> lock(closing_);
  if (thread_.joinable()) thread_.join();
}

void Core::close_native() noexcept {
  // The callback thread waits for the end that closing tells it, so a panic on the way is no reason not to close.
  const auto close = [this] { return try_native([this] { bus_->close(kCloseTime); }); };
  const auto work = [close] { return close() || close(); };
  // The Rust half waits with a thread's local data, which is gone where a client that is a global variable ends. A thread
  // of its own has some.
  try {
    std::thread(work).join();
  } catch (const std::system_error&) {
    work();
  }
}

native::Bus& Core::bus() const {
  if (is_foreign()) throw Error(ErrorCode::closed, "the client belongs to the process that was forked");
  return const_cast<native::Bus&>(*bus_);
}

native::Bus* Core::bus_or_none() const noexcept {
  return is_foreign() ? nullptr : const_cast<native::Bus*>(&*bus_);
}

bool Core::is_foreign() const noexcept { return generation() != born_; }

std::uint64_t Core::add(std::shared_ptr<Slot> slot) {
  std::lock_guard<std::mutex> lock(mutex_);
  slots_.emplace(++last_token_, std::move(slot));
  return last_token_;
}

std::shared_ptr<Slot> Core::forget(std::uint64_t token) noexcept {
  std::lock_guard<std::mutex> lock(mutex_);
  const auto found = slots_.find(token);
  if (found == slots_.end()) return nullptr;
  std::shared_ptr<Slot> slot = std::move(found->second);
  slots_.erase(found);
  return slot;
}

void Core::remove(std::uint64_t token) noexcept {
  // What the program's callback owns is destroyed here, under no lock.
  if (const std::shared_ptr<Slot> slot = forget(token)) slot->stop(!on_callback_thread());
}

void Core::keep(rust::Box<native::Watch> watch) {
  std::lock_guard<std::mutex> lock(mutex_);
  watches_.push_back(std::move(watch));
}

void Core::tell(std::exception_ptr exception) noexcept {
  try {
    if (on_exception_) {
      on_exception_(std::move(exception));
    } else {
      print(exception);
    }
  } catch (...) {
    print(std::current_exception());
  }
}

void Core::run() noexcept {
  thread_id_ = std::this_thread::get_id();
  bool more = true;
  while (more) {
    try {
      more = take_one();
    } catch (...) {
      tell(std::current_exception());
    }
  }
  abandon_all();
}

bool Core::take_one() {
  rust::Box<native::Event> event = native_call([&] { return bus_->next_event(); });
  if (event->kind() == native::Kind::None) return false;
  if (const std::shared_ptr<Slot> slot = find(event->token())) slot->take(*this, *event);
  return true;
}

void Core::abandon_all() noexcept {
  std::unordered_map<std::uint64_t, std::shared_ptr<Slot>> slots;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    slots.swap(slots_);
  }
  for (auto& entry : slots) {
    if (!entry.second->is_stopped()) call([&] { entry.second->abandon(*this); });
  }
}

std::shared_ptr<Slot> Core::find(std::uint64_t token) {
  std::lock_guard<std::mutex> lock(mutex_);
  const auto found = slots_.find(token);
  return found == slots_.end() ? nullptr : found->second;
}

}  // namespace buslane::detail
