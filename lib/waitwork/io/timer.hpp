#pragma once
// sleep_for, sleep_until: timers of the current loop.
//
// They live in a heap in user space, and the loop sleeps in the kernel until the earliest: a sleep costs no
// submission, no completion and no allocation. A timer never fires early; it fires late by the thread's timer slack
// (50 us by default, PR_SET_TIMERSLACK) and by whatever else the loop is doing.

#include <waitwork/base/clock.hpp>
#include <waitwork/coro/ready_queue.hpp>
#include <waitwork/io/loop.hpp>

#include <coroutine>
#include <cstddef>
#include <cstdint>

namespace waitwork {

class timer : public ready_node {
 public:
  explicit timer(std::int64_t deadline_ns) noexcept : deadline_ns_(deadline_ns) {}
  timer(const timer&) = delete;
  timer& operator=(const timer&) = delete;

  std::int64_t deadline_ns() const noexcept { return deadline_ns_; }

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> self) {
    waiter = self;
    loop::current().start_timer(*this);
  }
  void await_resume() const noexcept {}

 private:
  std::int64_t deadline_ns_;  // on CLOCK_MONOTONIC
};

// Resumes on this loop, at the earliest `duration` from now. Zero or less: in the next turn.
[[nodiscard]] inline timer sleep_for(nanoseconds duration) noexcept {
  return timer(now_ns() + duration.count());
}

// Resumes on this loop, at the earliest at `deadline`.
[[nodiscard]] inline timer sleep_until(time_point deadline) noexcept {
  return timer(deadline.time_since_epoch().count());
}

}  // namespace waitwork
