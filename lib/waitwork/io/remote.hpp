// SPDX-License-Identifier: Apache-2.0
#pragma once
// remote: a loop as other threads see it. Ordinary code starts coroutines there and waits for them.
//
//   spawned<reply> pending = server.spawn(ask(question));   // from any thread; ask() then runs on the loop
//   reply answer = pending.get();                            // blocks this thread
//
// A remote is a small value, may be copied and kept, and outlives its loop harmlessly: what is spawned on a loop that
// does not run any more fails with `cancelled`. What was spawned is stopped and joined when the loop's own
// task ends.

#include <chrono>
#include <coroutine>
#include <exception>
#include <future>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include <waitwork/base/check.hpp>
#include <waitwork/coro/ready_queue.hpp>
#include <waitwork/coro/scope.hpp>
#include <waitwork/coro/task.hpp>
#include <waitwork/coro/this_task.hpp>

namespace waitwork {

class remote;
class remote_queue;

namespace detail {

// A coroutine that is posted to a loop and owns itself: resumed there once, it runs to its end and is gone.
class posted {
 public:
  struct promise_type : ready_node {
    posted get_return_object() noexcept { return posted(*this); }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::terminate(); }
  };
  explicit posted(promise_type& promise) noexcept : promise_(promise) {
    promise.waiter = std::coroutine_handle<promise_type>::from_promise(promise);
  }
  ready_node& node() const noexcept { return promise_; }

 private:
  promise_type& promise_;
};

// Posts it; if the loop does not run, it runs here and now, where it finds no loop.
void post(remote_queue& queue, const posted& message) noexcept;

// Where a coroutine that was posted to `queue` and has arrived may spawn; null: its loop does not run, or not for much
// longer, and the coroutine is anywhere.
scope* spawned_here(const remote_queue& queue) noexcept;

// Shared by the one who waits and the one who runs. The source belongs to the loop's thread.
template <class T>
struct spawn_state {
  std::promise<T> outcome;
  stop_source* source = nullptr;
};

template <class T>
task<void> carry(task<T> main, std::shared_ptr<spawn_state<T>> state) {
  const stop_token outside = co_await this_task::token();
  stop_source own(outside.source());
  state->source = &own;
  std::exception_ptr failure;
  std::optional<std::conditional_t<std::is_void_v<T>, std::monostate, T>> value;
  try {
    if constexpr (std::is_void_v<T>) {
      co_await with_stop(own, std::move(main));
    } else {
      value.emplace(co_await with_stop(own, std::move(main)));
    }
  } catch (...) {
    failure = std::current_exception();
  }
  state->source = nullptr;
  if (failure) {
    state->outcome.set_exception(std::move(failure));
  } else if constexpr (std::is_void_v<T>) {
    state->outcome.set_value();
  } else {
    state->outcome.set_value(std::move(*value));
  }
}

// Needs no memory where it arrives: nobody there could be told that there is none.
template <class T>
posted begin(std::shared_ptr<remote_queue> queue, task<void> carried, std::shared_ptr<spawn_state<T>> state) {
  if (scope* const here = spawned_here(*queue)) {
    here->spawn(std::move(carried));
  } else {
    state->outcome.set_exception(std::make_exception_ptr(cancelled()));
  }
  co_return;
}

template <class T>
posted stop(std::shared_ptr<spawn_state<T>> state) {
  if (state->source != nullptr) state->source->request_stop();
  co_return;
}

}  // namespace detail

// Something that was spawned on a loop. Movable. If it is dropped the task runs on, and its outcome is lost.
template <class T>
class [[nodiscard("dropping it loses the outcome, a failure too")]] spawned {
 public:
  spawned(std::shared_ptr<remote_queue> queue, std::shared_ptr<detail::spawn_state<T>> state)
      : queue_(std::move(queue)), state_(std::move(state)), outcome_(state_->outcome.get_future()) {}

  // Blocks until the task has ended and gives its value, or throws its exception; once. Not on the loop's own thread,
  // which would wait for itself. Throws `cancelled` if the task was stopped or the loop ended first.
  T get() { return outcome_.get(); }

  // Blocks until the task has ended.
  void wait() const { outcome_.wait(); }

  // The same for at most `duration`; false if it has not ended by then.
  template <class Rep, class Period>
  bool wait_for(std::chrono::duration<Rep, Period> duration) const {
    return outcome_.wait_for(duration) == std::future_status::ready;
  }

  // Asks the task to stop, from any thread; it has ended when get() or wait() return.
  void request_stop() { detail::post(*queue_, detail::stop(state_)); }

 private:
  std::shared_ptr<remote_queue> queue_;
  std::shared_ptr<detail::spawn_state<T>> state_;
  std::future<T> outcome_;
};

class remote {
 public:
  explicit remote(std::shared_ptr<remote_queue> queue) noexcept : queue_(std::move(queue)) {}

  // Starts `main` on the loop, from any thread, the loop's own included. Its frame was made here and dies there. Costs
  // two allocations and, if the loop sleeps, one system call.
  template <class T>
  spawned<T> spawn(task<T> main) const {
    auto state = std::make_shared<detail::spawn_state<T>>();
    spawned<T> result(queue_, state);
    task<void> carried = detail::carry(std::move(main), state);
    detail::post(*queue_, detail::begin(queue_, std::move(carried), std::move(state)));
    return result;
  }

  // Asks the loop's task, and all that was spawned on it, to stop. Without effect on a loop that does not run.
  void request_stop() const;

 private:
  std::shared_ptr<remote_queue> queue_;
};

}  // namespace waitwork
