// SPDX-License-Identifier: Apache-2.0
#pragma once
// this_task: what a coroutine can ask of itself, and under which stop_source it awaits something.

#include <coroutine>
#include <type_traits>
#include <utility>

#include <waitwork/coro/cancellation.hpp>
#include <waitwork/coro/ready_queue.hpp>
#include <waitwork/coro/task.hpp>

namespace waitwork {
namespace detail {

// What `co_await std::declval<Awaitable>()` gives.
template <class Awaitable>
struct await_result {
  using type = decltype(std::declval<Awaitable>().await_resume());
};
template <class T>
struct await_result<task<T>> {
  using type = T;
};
template <class Awaitable>
using await_result_t = typename await_result<std::remove_cvref_t<Awaitable>>::type;

// Any awaitable as a task. A reference, because an operation can be neither copied nor moved: it lives until the end of
// the co_await expression that it was written in, and so does this task.
template <class Awaitable>
task<await_result_t<Awaitable>> as_task_of(Awaitable& awaited) {
  co_return co_await static_cast<Awaitable&&>(awaited);
}
template <class Awaitable>
task<await_result_t<Awaitable>> as_task(Awaitable&& awaited) {
  return as_task_of<std::remove_reference_t<Awaitable>>(awaited);
}
template <class T>
task<T> as_task(task<T>&& awaited) noexcept {
  return std::move(awaited);
}
// A task is given away by std::move, as to co_await.
template <class T>
task<T> as_task(task<T>& awaited) = delete;

// Awaits a task under another stop_source than the awaiting coroutine's own.
template <class T>
class under_source {
 public:
  under_source(task<T> child, stop_source* source) noexcept : child_(std::move(child)), source_(source) {}
  under_source(const under_source&) = delete;
  under_source& operator=(const under_source&) = delete;
  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> parent) { return promise_base::start(child_.handle(), parent, source_); }
  T await_resume() { return child_.handle().promise().take(); }

 private:
  task<T> child_;
  stop_source* source_;
};

class token_awaiter {
 public:
  token_awaiter() noexcept = default;
  token_awaiter(const token_awaiter&) = delete;
  token_awaiter& operator=(const token_awaiter&) = delete;
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> self) noexcept {
    token_ = stop_token(stop_of(self));
    return false;
  }
  stop_token await_resume() const noexcept { return token_; }

 private:
  stop_token token_;
};

class yield_awaiter : private ready_node {
 public:
  yield_awaiter() noexcept = default;
  yield_awaiter(const yield_awaiter&) = delete;
  yield_awaiter& operator=(const yield_awaiter&) = delete;
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> self) noexcept {
    waiter = self;
    stop_ = stop_of(self);
    ready_queue::current().push(*this);
  }
  void await_resume() const {
    if (stop_ != nullptr && stop_->stop_requested()) throw cancelled();
  }

 private:
  stop_source* stop_ = nullptr;
};

}  // namespace detail

namespace this_task {

// The stop token that this coroutine runs under. Does not suspend.
[[nodiscard]] inline detail::token_awaiter token() noexcept { return {}; }

}  // namespace this_task

// Lets every other ready coroutine of this loop run first. Costs no system call. Throws `cancelled` on a stop.
[[nodiscard]] inline detail::yield_awaiter yield() noexcept { return {}; }

// Awaits `child` under `source` alone. To be stopped from outside as well, let the source follow the outer one:
//   stop_source own((co_await this_task::token()).source());
//   auto reply = co_await with_stop(own, ask(server));
template <class Awaitable>
[[nodiscard]] auto with_stop(stop_source& source, Awaitable&& child) {
  return detail::under_source<detail::await_result_t<Awaitable>>(detail::as_task(std::forward<Awaitable>(child)),
                                                                 &source);
}

// Awaits `child` out of reach of any stop request: for the last words of something that is being cancelled.
template <class Awaitable>
[[nodiscard]] auto shielded(Awaitable&& child) {
  return detail::under_source<detail::await_result_t<Awaitable>>(detail::as_task(std::forward<Awaitable>(child)),
                                                                 nullptr);
}

}  // namespace waitwork
