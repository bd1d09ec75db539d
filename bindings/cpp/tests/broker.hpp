// A broker of a test's own: the binary that BUSLANE_BROKER names, on a free port, ended with the test.
#pragma once

#include <buslane/buslane.hpp>

#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>

#include <sys/types.h>

class Broker {
 public:
  Broker() { start(); }
  ~Broker() { stop(); }
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;

  void start();
  void stop();
  const std::string& url() const { return url_; }
  // Returns options for a client that dials here, and comes back fast.
  buslane::Options options(const std::string& name = "") const;
  buslane::Client client(const std::string& name = "") const { return buslane::Client::connect(options(name)); }

 private:
  pid_t process_ = -1;
  std::string address_ = "127.0.0.1:0";
  std::string url_;
};

// Something that callbacks change and a test waits for, at most for half a minute.
template <class T>
class Watched {
 public:
  void change(const std::function<void(T&)>& change) {
    std::lock_guard<std::mutex> lock(mutex_);
    change(value_);
    changed_.notify_all();
  }
  T wait(const std::function<bool(const T&)>& fits) {
    std::unique_lock<std::mutex> lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, std::chrono::seconds(30), [&] { return fits(value_); })) << "it did not come";
    return value_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  T value_{};
};

// Returns the error that work throws.
template <class Work>
buslane::Error error_of(Work&& work) {
  try {
    work();
  } catch (const buslane::Error& error) {
    return error;
  }
  ADD_FAILURE() << "it should have failed";
  return buslane::Error(buslane::ErrorCode::internal, "it did not fail");
}
