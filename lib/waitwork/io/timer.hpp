// SPDX-License-Identifier: Apache-2.0
#pragma once
// sleep_for, sleep_until: timers of the current loop.
//
// They live in a heap in user space, and the loop sleeps in the kernel until the earliest: a sleep costs no
// submission, no completion and no allocation. A timer never fires early; it fires late by the thread's timer slack
// (50 us by default, PR_SET_TIMERSLACK) and by whatever else the loop is doing.

#include <coroutine>
#include <cstdint>

#include <waitwork/base/clock.hpp>
#include <waitwork/coro/cancellation.hpp>
#include <waitwork/coro/ready_queue.hpp>
#include <waitwork/coro/task.hpp>
#include <waitwork/io/loop.hpp>

namespace waitwork {

// Something with a deadline: a coroutine that sleeps, or a timeout.
class timer : protected stop_callback {
 public:
  std::int64_t deadline_ns() const noexcept { return deadline_ns_; }

 protected:
  timer() noexcept = default;
  ~timer() = default;

  std::int64_t deadline_ns_ = 0;  // on the loop's clock

 private:
  friend class loop;
  friend class timer_heap;

  // The deadline has come; the timer is in no heap any more. Resumes nobody.
  virtual void on_expiry() noexcept = 0;

  std::uint32_t slot_ = 0;  // the heap's
};

class sleep_operation final : public ready_node, public timer {
 public:
  explicit sleep_operation(nanoseconds duration) noexcept : relative_(true) { deadline_ns_ = duration.count(); }
  explicit sleep_operation(time_point deadline) noexcept : relative_(false) {
    deadline_ns_ = deadline.time_since_epoch().count();
  }

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> self) {
    waiter = self;
    start(detail::stop_of(self));
  }
  void await_resume() const {
    if (stopped_) throw cancelled();
  }

 private:
  void start(stop_source* stop);
  void on_expiry() noexcept override;
  void on_stop() noexcept override;

  bool relative_;
  bool stopped_ = false;
};

// Resumes on this loop, at the earliest `duration` from now. Zero or less: in the next turn. Throws `cancelled` on a
// stop.
[[nodiscard]] inline sleep_operation sleep_for(nanoseconds duration) noexcept { return sleep_operation(duration); }

// Resumes on this loop, at the earliest at `deadline`. Throws `cancelled` on a stop.
[[nodiscard]] inline sleep_operation sleep_until(time_point deadline) noexcept { return sleep_operation(deadline); }

}  // namespace waitwork
