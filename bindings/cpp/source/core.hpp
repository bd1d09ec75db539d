// What the handles of one client share: the native client, the thread that calls back, and what it calls.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "convert.hpp"

namespace buslane::detail {

class Core;

// Something that is called back, until it is stopped.
class Slot {
 public:
  virtual ~Slot() = default;

  // Takes an event, on the callback thread.
  void take(Core& core, native::Event& event);
  // Lets nothing be called any more. Waits for what is being called, unless on the thread that calls it.
  void stop(bool wait) noexcept;
  bool is_stopped() const noexcept { return stopped_.load(std::memory_order_acquire); }
  // Tells that nothing will come, because the client has ended.
  virtual void abandon(Core&) {}

 protected:
  virtual void handle(Core& core, native::Event& event) = 0;

 private:
  std::mutex mutex_;
  std::condition_variable idle_;
  bool running_ = false;
  std::atomic<bool> stopped_{false};
};

// One client. The callback thread keeps it alive as long as it runs.
class Core : public std::enable_shared_from_this<Core> {
 public:
  Core(rust::Box<native::Bus> bus, std::function<void(std::exception_ptr)> on_exception);
  ~Core();

  // Begins to call back.
  void start(const Options& options);
  // Ends the client. Waits for the callbacks that are due, unless on their thread.
  void close() noexcept;

  // Returns the native client. Throws in a forked child and after the end.
  native::Bus& bus() const;
  // Does the same where nothing may be thrown; none in a forked child.
  native::Bus* bus_or_none() const noexcept;
  // Tells whether this process is a child of the one in which the client was made.
  bool is_foreign() const noexcept;
  bool on_callback_thread() const noexcept { return std::this_thread::get_id() == thread_id_.load(); }

  // Knows a slot by the token that it returns.
  std::uint64_t add(std::shared_ptr<Slot> slot);
  // Forgets a slot, and lets nothing of it be called any more.
  void remove(std::uint64_t token) noexcept;
  // Forgets a slot that has been called for the last time.
  std::shared_ptr<Slot> forget(std::uint64_t token) noexcept;

  // Keeps a watch for as long as the client lives.
  void keep(rust::Box<native::Watch> watch);

  // Calls the program; what it throws is told.
  template <class Callback>
  void call(Callback&& callback) noexcept {
    try {
      callback();
    } catch (...) {
      tell(std::current_exception());
    }
  }
  // Tells of what a callback threw.
  void tell(std::exception_ptr exception) noexcept;

 private:
  void close_native() noexcept;
  void run() noexcept;
  bool take_one();
  void abandon_all() noexcept;
  std::shared_ptr<Slot> find(std::uint64_t token);

  rust::Box<native::Bus> bus_;
  std::function<void(std::exception_ptr)> on_exception_;
  const unsigned born_;
  std::atomic<bool> closed_{false};
  std::mutex mutex_;
  std::unordered_map<std::uint64_t, std::shared_ptr<Slot>> slots_;
  std::uint64_t last_token_ = 0;
  std::mutex closing_;
  std::thread thread_;
  std::atomic<std::thread::id> thread_id_{};
  std::vector<rust::Box<native::Watch>> watches_;
};

// Returns what a handle holds. Throws if it was moved from.
template <class Pointer>
auto& present(const Pointer& state) {
  if (!state) throw Error(ErrorCode::closed, "the handle was moved from or given up");
  return *state;
}

// A native handle with the client that it belongs to. A forked child leaves it alone.
template <class T>
class Held {
 public:
  Held(std::shared_ptr<Core> core, rust::Box<T> handle)
      : core_(std::move(core)), handle_(std::make_unique<rust::Box<T>>(std::move(handle))) {}
  ~Held() {
    if (core_->is_foreign()) (void)handle_.release();
  }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;

  Core& core() const noexcept { return *core_; }
  const std::shared_ptr<Core>& shared_core() const noexcept { return core_; }
  // Lets the handle live as long as the client.
  void leave_to_client() { core_->keep(std::move(*handle_)); handle_.reset(); }
  // Returns the handle. Throws in a forked child.
  T& get() const {
    if (core_->is_foreign()) throw Error(ErrorCode::closed, "the client belongs to the process that was forked");
    return **handle_;
  }

 private:
  std::shared_ptr<Core> core_;
  std::unique_ptr<rust::Box<T>> handle_;
};

// A request that came in, shared by its copies.
struct RequestState : Held<native::Request> {
  using Held::Held;
  ~RequestState();
  // Lets nobody be told any more that nobody waits.
  void forget_cancel() noexcept;

  std::mutex mutex;
  std::uint64_t cancel_token = 0;
  std::unique_ptr<rust::Box<native::Watch>> cancel_watch;
};

}  // namespace buslane::detail
