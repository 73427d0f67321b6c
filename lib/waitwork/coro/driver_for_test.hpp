// SPDX-License-Identifier: Apache-2.0
#pragma once
// For tests of coro/, which has no loop: a driver that runs what is ready, waits that end by hand, ways to run a task.

#include <gtest/gtest.h>

#include <coroutine>
#include <stdexcept>
#include <utility>

#include <waitwork/coro/cancellation.hpp>
#include <waitwork/coro/ready_queue.hpp>
#include <waitwork/coro/task.hpp>

namespace waitwork {

// A loop without a kernel. While it lives its queue is the thread's own.
class driver_for_test {
 public:
  driver_for_test() noexcept : current_(ready_) {}

  // Resumes what is ready now. False: there was nothing.
  bool turn() {
    ready_node* node = ready_.take_all();
    if (node == nullptr) return false;
    while (node != nullptr) {
      ready_node* const next = node->next;
      node->waiter.resume();
      node = next;
    }
    return true;
  }

  void run_until_idle() {
    while (turn()) {
    }
  }

 private:
  ready_queue ready_;
  ready_queue::as_current current_;
};

// Suspends whoever awaits wait() until set(), which resumes it inline; by one coroutine at a time; deaf to a stop.
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

// A wait like that for the kernel: it hears of a stop, but ends only by complete(). One coroutine at a time.
class pending_for_test {
 public:
  class waiting : private ready_node, private stop_callback {
   public:
    explicit waiting(pending_for_test& pending) noexcept : pending_(pending) {}
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> self) noexcept {
      stop_source* const stop = detail::stop_of(self);
      cancelled_ = stop != nullptr && stop->stop_requested();
      if (cancelled_) return false;
      waiter = self;
      pending_.waiting_ = this;
      listen(stop);
      return true;
    }
    void await_resume() const {
      if (cancelled_) throw cancelled();
    }

   private:
    friend class pending_for_test;
    void on_stop() noexcept override { pending_.stop_heard_ = true; }

    pending_for_test& pending_;
    bool cancelled_ = false;
  };

  waiting wait() noexcept { return waiting(*this); }
  bool is_waiting() const noexcept { return waiting_ != nullptr; }
  bool stop_heard() const noexcept { return stop_heard_; }

  // Ends the wait: it goes on, or throws `cancelled`.
  void complete() noexcept { end(false); }
  void complete_as_cancelled() noexcept { end(true); }

 private:
  void end(bool by_cancelled) noexcept {
    waiting* const ended = std::exchange(waiting_, nullptr);
    ended->stop_listening();
    ended->cancelled_ = by_cancelled;
    ready_queue::current().push(*ended);
  }

  waiting* waiting_ = nullptr;
  bool stop_heard_ = false;
};

// A started task that has run as far as it can without a driver.
template <class T>
class started_for_test {
 public:
  explicit started_for_test(task<T> root, stop_source* stop = nullptr) : root_(std::move(root)) {
    root_.handle().promise().set_stop(stop);
    root_.handle().resume();
  }
  bool done() const { return root_.done(); }
  T take() { return root_.handle().promise().take(); }

 private:
  task<T> root_;
};

// Runs a task that waits for nobody outside it.
template <class T>
T run_for_test(task<T> root, stop_source* stop = nullptr) {
  driver_for_test driver;
  started_for_test<T> running(std::move(root), stop);
  driver.run_until_idle();
  if (!running.done()) throw std::logic_error("the task waits for something that this test never does");
  return running.take();
}

}  // namespace waitwork
