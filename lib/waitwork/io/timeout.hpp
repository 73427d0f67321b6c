// SPDX-License-Identifier: Apache-2.0
#pragma once
// with_timeout, with_deadline: an end to waiting.
//
//   result<std::size_t> moved = co_await with_timeout(2s, receive(socket, buffer));
//   result<reply> answer = co_await with_deadline(until, ask(question));
//
// Takes any awaitable: an operation or a task. When the time is over the awaited thing is asked to stop, and this
// resumes when it has ended: nothing of it runs on, its buffers are free again. The outcome is a result; one that
// already is a result is not wrapped again:
//   - errc::timed_out if the time was over and the awaited thing gave nothing for it: it ended by `cancelled`, by
//     operation_canceled, or it is a task<void>;
//   - its own value or error otherwise, also if that came after the time (a connection that was accepted all the same);
//   - `cancelled` or operation_canceled, as it comes, if it was stopped from further out.
// Costs one timer and, for an operation, one coroutine frame; no system call.

#include <cerrno>
#include <coroutine>
#include <type_traits>
#include <utility>

#include <waitwork/base/clock.hpp>
#include <waitwork/base/result.hpp>
#include <waitwork/coro/cancellation.hpp>
#include <waitwork/coro/task.hpp>
#include <waitwork/coro/this_task.hpp>
#include <waitwork/io/timer.hpp>

namespace waitwork {
namespace detail {

// Asks its own stop_source when the time is over.
class deadline_timer final : public timer {
 public:
  explicit deadline_timer(nanoseconds duration) noexcept : relative_(true) { deadline_ns_ = duration.count(); }
  explicit deadline_timer(time_point deadline) noexcept { deadline_ns_ = deadline.time_since_epoch().count(); }

  // `outer`: who else may ask.
  void arm(stop_source* outer);
  void disarm() noexcept;
  bool expired() const noexcept { return state_ == state::expired; }
  stop_source& source() noexcept { return source_; }

 private:
  enum class state { idle, armed, expired };
  void on_expiry() noexcept override;
  void on_stop() noexcept override {}  // listens to nobody: its source does

  stop_source source_;
  bool relative_ = false;
  state state_ = state::idle;
};

template <class T>
struct as_result {
  using type = result<T>;
};
template <class T>
struct as_result<result<T>> {
  using type = result<T>;
};

template <class T>
class timeout_awaiter {
 public:
  using outcome_type = typename as_result<T>::type;

  template <class When>
  timeout_awaiter(When when, task<T> child) noexcept : timer_(when), child_(std::move(child)) {}
  timeout_awaiter(const timeout_awaiter&) = delete;
  timeout_awaiter& operator=(const timeout_awaiter&) = delete;

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> parent) {
    timer_.arm(stop_of(parent));
    return promise_base::start(child_.handle(), parent, &timer_.source());
  }
  outcome_type await_resume() {
    timer_.disarm();
    try {
      if constexpr (std::is_void_v<T>) {
        child_.handle().promise().take();
        if (timer_.expired()) return errno_error(ETIMEDOUT);
        return {};
      } else {
        outcome_type outcome(child_.handle().promise().take());
        const bool stopped = !outcome && outcome.error() == std::errc::operation_canceled;
        if (stopped && timer_.expired()) return errno_error(ETIMEDOUT);
        return outcome;
      }
    } catch (const cancelled&) {
      if (!timer_.expired()) throw;
      return errno_error(ETIMEDOUT);
    }
  }

 private:
  deadline_timer timer_;
  task<T> child_;
};

}  // namespace detail

// Awaits `awaited` for at most `duration` from when this is awaited. Zero or less: it is started, and its first wait
// stopped.
template <class Awaitable>
[[nodiscard]] auto with_timeout(nanoseconds duration, Awaitable&& awaited) {
  using value_type = detail::await_result_t<Awaitable>;
  return detail::timeout_awaiter<value_type>(duration, detail::as_task(std::forward<Awaitable>(awaited)));
}

// Awaits `awaited` until `deadline`.
template <class Awaitable>
[[nodiscard]] auto with_deadline(time_point deadline, Awaitable&& awaited) {
  using value_type = detail::await_result_t<Awaitable>;
  return detail::timeout_awaiter<value_type>(deadline, detail::as_task(std::forward<Awaitable>(awaited)));
}

}  // namespace waitwork
