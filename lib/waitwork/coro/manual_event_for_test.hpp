#pragma once
// For tests of coro/, which has no loop: an event that is set by hand, and a way to run a task without one.

#include <gtest/gtest.h>

#include <coroutine>
#include <stdexcept>
#include <utility>

#include <waitwork/coro/task.hpp>

namespace waitwork {

// Suspends whoever awaits wait() until set(); may be awaited again afterwards, by one coroutine at a time.
class manual_event {
 public:
  // An object of its own: g++ 12 copies an lvalue that is awaited through a lambda's capture.
  class waiting {
   public:
    explicit waiting(manual_event& event) noexcept : event_(event) {}
    waiting(const waiting&) = delete;
    waiting& operator=(const waiting&) = delete;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> self) noexcept { event_.waiter_ = self; }
    void await_resume() const noexcept {}

   private:
    manual_event& event_;
  };

  manual_event() noexcept = default;
  manual_event(const manual_event&) = delete;
  manual_event& operator=(const manual_event&) = delete;

  waiting wait() noexcept { return waiting(*this); }
  void set() { std::exchange(waiter_, nullptr).resume(); }

 private:
  std::coroutine_handle<> waiter_;
};

// A started task that runs as far as it can without an event.
template <class T>
class started_for_test {
 public:
  explicit started_for_test(task<T> root) : root_(std::move(root)) { root_.handle().resume(); }
  bool done() const { return root_.done(); }
  T take() { return root_.handle().promise().take(); }

 private:
  task<T> root_;
};

// Runs a task that needs no event.
template <class T>
T run_for_test(task<T> root) {
  started_for_test<T> running(std::move(root));
  if (!running.done()) throw std::logic_error("the task waits for an event that this test never sets");
  return running.take();
}

}  // namespace waitwork
