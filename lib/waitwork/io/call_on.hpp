// SPDX-License-Identifier: Apache-2.0
#pragma once
// call_on: await a task that runs on another loop, from a coroutine.
//
//   reply answer = co_await call_on(storage, look_up(key));   // storage: a remote; look_up() runs on its loop
//
// The call crosses as a message and so does its answer; both threads go on meanwhile. The awaiting coroutine resumes on
// its own loop, in a later turn, when the task has ended and its frame is gone: so what the task refers to in the
// awaiting coroutine is alive while it runs. The task must not use it at the same time as somebody here, and nothing
// that belongs to one loop (semaphores, scopes, registered files) may be used on the other. Its value is moved, its
// exception is shared.
//
// A stop here is sent there and joined: this resumes when the task has ended, with what it gave. Throws `cancelled` if
// the stop came before the call, or if the other loop does not run, or not for long enough to begin. The other loop may
// be this one.
//
// Costs what remote::spawn does and one post home: 6 to 7 us of CPU on both sides together when every call wakes two
// loops that sleep, 1 us with 64 calls on their way and the loops on one CPU, 7 us on two (two virtual CPUs under other
// load, medians of 5 runs).

#include <coroutine>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include <waitwork/coro/cancellation.hpp>
#include <waitwork/coro/ready_queue.hpp>
#include <waitwork/coro/task.hpp>
#include <waitwork/io/loop.hpp>
#include <waitwork/io/remote.hpp>

namespace waitwork {

template <class T>
class call_awaiter final : private ready_node, private stop_callback {
 public:
  call_awaiter(const remote& target, task<T> called) noexcept : target_(target), called_(std::move(called)) {}

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> self) {
    stop_source* const stop = detail::stop_of(self);
    if (stop != nullptr && stop->stop_requested()) return false;
    waiter = self;
    home_ = &loop::current();
    // It may have answered when spawn() returns; but this coroutine resumes on this thread, not before this returns.
    try {
      there_.emplace(target_.spawn(call(answer(*this))));
    } catch (...) {  // no memory: nothing was sent, and the unused answer has posted this coroutine home
      failure_ = std::current_exception();
      return true;
    }
    listen(stop);
    return true;
  }
  T await_resume() {
    stop_listening();
    if (failure_) std::rethrow_exception(failure_);
    if (!value_) throw cancelled();
    if constexpr (!std::is_void_v<T>) return std::move(*value_);
  }

 private:
  // Whoever destroys it last sends the awaiting coroutine home: the call that has ended, or the loop that did not want
  // to begin it. Nothing of the awaiter is touched afterwards.
  class answer {
   public:
    explicit answer(call_awaiter& asker) noexcept : asker_(&asker) {}
    answer(answer&& other) noexcept : asker_(std::exchange(other.asker_, nullptr)) {}
    answer& operator=(answer&&) = delete;
    ~answer() {
      if (asker_ != nullptr) asker_->home_->post(*asker_);
    }
    call_awaiter& asker() const noexcept { return *asker_; }

   private:
    call_awaiter* asker_;
  };

  // On the other loop.
  static task<void> call(answer sent_home) {
    call_awaiter& asker = sent_home.asker();
    try {
      if constexpr (std::is_void_v<T>) {
        co_await std::move(asker.called_);
        asker.value_.emplace();
      } else {
        asker.value_.emplace(co_await std::move(asker.called_));
      }
    } catch (...) {
      asker.failure_ = std::current_exception();
    }
  }

  // The message takes a coroutine frame. Without memory for it the program ends here: a stop must not be lost.
  void on_stop() noexcept override { there_->request_stop(); }

  const remote& target_;
  task<T> called_;
  loop* home_ = nullptr;
  std::optional<spawned<void>> there_;
  std::optional<std::conditional_t<std::is_void_v<T>, std::monostate, T>> value_;
  std::exception_ptr failure_;
};

// Runs `called` on the loop of `target`, under a stop token of its own there; resumes here with its value. `target`
// must stay alive until then.
template <class T>
[[nodiscard]] call_awaiter<T> call_on(const remote& target, task<T> called) noexcept {
  return call_awaiter<T>(target, std::move(called));
}

}  // namespace waitwork
