// SPDX-License-Identifier: Apache-2.0
#pragma once
// scope: tasks that run beside each other and end together. Nothing that is started in a scope outlives it.
//
//   task<void> serve(int listener) {
//     auto body = [listener](scope& connections) -> task<void> {     // name the lambda first (g++ 12)
//       for (;;) {
//         result<unique_fd> accepted = co_await accept(listener);
//         if (!accepted) co_return;
//         connections.spawn(echo(std::move(*accepted)));
//       }
//     };
//     co_await with_scope(body);                                     // every connection has ended when this resumes
//   }
//
// with_scope runs the body, waits for every child, then gives what the body gave. The first failure, of a child or of
// the body, asks all the others to stop; when they have ended it is thrown, and later failures are not reported. Why
// a function with a body and not an object: C++ has no asynchronous destructor, so an object could not wait for its
// children when an exception passes it, and there is nothing else that it could rightly do with them.
//
// A task for the background is spawned in a scope that lives longer than the one who spawns it.

#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <system_error>
#include <type_traits>
#include <utility>
#include <variant>

#include <waitwork/base/check.hpp>
#include <waitwork/base/result.hpp>
#include <waitwork/coro/task.hpp>
#include <waitwork/coro/this_task.hpp>

namespace waitwork {

class scope final : private detail::join_point {
 public:
  // Follows `outer`; null: stops only by itself. with_scope makes one; whoever makes one otherwise must see to it that
  // running() is 0 before it dies.
  explicit scope(stop_source* outer) noexcept : stop_(outer) {}
  ~scope() { WAITWORK_CHECK(running_ == 0, "a scope outlives what was spawned in it"); }
  scope(const scope&) = delete;
  scope& operator=(const scope&) = delete;

  // Starts `child` at once, on this thread, inside this call, up to its first suspension; but in the loop's next turn
  // if children that spawn children have used half of the stack. Its frame is destroyed as soon as it ends. Once a stop
  // was requested the child still starts, and its first wait is cancelled.
  // A child that is a lambda with captures refers to the lambda, which must outlive the scope: define it outside the
  // body.
  void spawn(task<void> child) {
    ++running_;
    detail::promise_base::start(child.release(), *this, &stop_);
  }

  // The same; an error other than operation_canceled is a failure, thrown as std::system_error.
  void spawn(task<result<void>> child) { spawn(throw_error(std::move(child))); }

  // Asks the body and all children to stop. What ends by `cancelled` after that has done as it was told: no failure.
  void request_stop() noexcept { stop_.request_stop(); }
  bool stop_requested() const noexcept { return stop_.stop_requested(); }

  std::size_t running() const noexcept { return running_; }

  // What the children run under.
  stop_source& stop() noexcept { return stop_; }

  // Records how the body ended, as if it were a child.
  [[gnu::cold]] void record_failure(std::exception_ptr failure) noexcept {
    bool asked_for = false;
    try {
      std::rethrow_exception(failure);
    } catch (const cancelled&) {
      asked_for = stop_.stop_requested();
    } catch (...) {
    }
    if (asked_for) {
      cut_short_ = true;
      return;
    }
    if (!failure_) failure_ = std::move(failure);
    stop_.request_stop();
  }

  // Throws the first failure, if there was one; after the children have ended.
  void rethrow_failure() const {
    if (failure_) std::rethrow_exception(failure_);
  }

  // Whether something ended by `cancelled` before it was done.
  bool cut_short() const noexcept { return cut_short_; }

  class join_awaiter {
   public:
    explicit join_awaiter(scope& joined) noexcept : scope_(joined) {}
    join_awaiter(const join_awaiter&) = delete;
    join_awaiter& operator=(const join_awaiter&) = delete;
    bool await_ready() const noexcept { return scope_.running_ == 0; }
    void await_suspend(std::coroutine_handle<> self) noexcept {
      WAITWORK_CHECK(!scope_.joiner_, "one coroutine joins a scope at a time");
      scope_.joiner_ = self;
    }
    void await_resume() const noexcept {}

   private:
    scope& scope_;
  };

  // Waits until no child is running; the children may have failed (with_scope will say so). A stop does not end this
  // wait by itself but by ending the children.
  [[nodiscard]] join_awaiter join() noexcept { return join_awaiter(*this); }

 private:
  static task<void> throw_error(task<result<void>> child) {
    const result<void> outcome = co_await std::move(child);
    if (outcome) co_return;
    if (outcome.error() == std::errc::operation_canceled) throw cancelled();
    throw std::system_error(outcome.error(), "a task of a scope");
  }

  std::coroutine_handle<> child_done(std::coroutine_handle<> child, detail::promise_base& promise) noexcept override {
    if (promise.failed()) record_failure(promise.exception());
    child.destroy();
    if (--running_ > 0 || !joiner_) return std::noop_coroutine();
    return std::exchange(joiner_, nullptr);
  }

  stop_source stop_;
  std::size_t running_ = 0;
  std::coroutine_handle<> joiner_;
  std::exception_ptr failure_;
  bool cut_short_ = false;
};

// Awaits body(scope), body: (scope&) -> task<T>, then every task that was spawned in the scope, and gives the body's
// value. `body` is referred to, not copied. Throws the first failure; throws `cancelled` if a stop from outside, or for
// a body with a value a stop by itself, has cut anything short.
template <class Body>
auto with_scope(Body& body) -> std::invoke_result_t<Body&, scope&> {
  using value_type = typename std::invoke_result_t<Body&, scope&>::value_type;
  const stop_token outside = co_await this_task::token();
  scope children(outside.source());
  std::optional<std::conditional_t<std::is_void_v<value_type>, std::monostate, value_type>> value;
  std::exception_ptr failure;
  try {
    if constexpr (std::is_void_v<value_type>) {
      co_await with_stop(children.stop(), body(children));
      value.emplace();
    } else {
      value.emplace(co_await with_stop(children.stop(), body(children)));
    }
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure) children.record_failure(std::move(failure));
  co_await children.join();
  children.rethrow_failure();
  if (children.cut_short() && outside.stop_requested()) throw cancelled();
  if constexpr (!std::is_void_v<value_type>) {
    if (!value) throw cancelled();
    co_return std::move(*value);
  }
}

}  // namespace waitwork
