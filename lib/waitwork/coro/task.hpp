// SPDX-License-Identifier: Apache-2.0
#pragma once
// task<T>: a coroutine that starts when it is awaited and hands its value, or its exception, to whoever awaits it.
//
// Lazy and move-only. `co_await std::move(task)` or `co_await f()` starts it on the awaiting thread, inside
// await_suspend; the awaiting coroutine resumes on the thread that completes the task, which is the same one, because
// coroutines never migrate between loops. The task owns its frame: destroy it only before it starts or after it is
// done.
//
// A task runs under the stop token of whoever starts it (cancellation.hpp).
//
// The stack stays flat without symmetric transfer, which is a tail call only at -O2 and never under sanitizers:
// the awaiter resumes the child like a function, and if the child completed without a real suspension,
// await_suspend answers false and the parent goes on. A loop over a million ready children therefore uses one stack
// frame at -O0. Only a child that did suspend transfers to its continuation, and then the stack was unwound by that
// suspension.
//
// Awaiting may go as deep as memory holds frames: every level uses some 50 bytes of stack (release; 10 times as many at
// -O0), and when half of the stack is used the next child starts in the loop's next turn instead of at once
// (stack_limit.hpp). What is not awaited nests as other objects do: a task that holds a task that holds a task, and is
// dropped before it starts, is destroyed recursively.

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

#include <waitwork/base/check.hpp>
#include <waitwork/coro/cancellation.hpp>
#include <waitwork/coro/frame_pool.hpp>
#include <waitwork/coro/stack_limit.hpp>

namespace waitwork {

template <class T = void>
class task;

namespace detail {

class promise_base;

// What waits for several children, or owns children that nobody awaits.
class join_point {
 public:
  // `child` has come to its final suspension; its frame may be destroyed. Returns who goes on in its place.
  virtual std::coroutine_handle<> child_done(std::coroutine_handle<> child, promise_base& promise) noexcept = 0;

 protected:
  ~join_point() = default;
};

class promise_base {
 public:
  static void* operator new(std::size_t bytes) { return frame_pool::allocate(bytes); }
  static void operator delete(void* frame, std::size_t bytes) noexcept { frame_pool::deallocate(frame, bytes); }

  std::suspend_always initial_suspend() const noexcept { return {}; }

  struct final_awaiter {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) const noexcept {
      promise_base& promise = self.promise();
      const std::coroutine_handle<> next =
          promise.owned_by_join() ? joined(self, promise) : std::coroutine_handle<>::from_address(promise.next());
      if constexpr (transfers_use_stack) {
        const std::coroutine_handle<> nobody = std::noop_coroutine();
        if (stack_is_low() && next != nobody && resume_from_loop(next)) return nobody;
      }
      return next;
    }
    void await_resume() const noexcept {}

   private:
    // Out of line: g++ 12 guesses whose child_done it is and inlines that, and then every coroutine saves six registers
    // on its way in (3 ns an await).
    [[gnu::noinline]] static std::coroutine_handle<> joined(std::coroutine_handle<> self,
                                                            promise_base& promise) noexcept {
      return promise.owner().child_done(self, promise);
    }
  };
  final_awaiter final_suspend() const noexcept { return {}; }

  void unhandled_exception() noexcept {
    std::construct_at(std::addressof(exception_), std::current_exception());
    outcome_ = outcome::failure;
  }

  bool failed() const noexcept { return outcome_ == outcome::failure; }
  // Only if failed().
  const std::exception_ptr& exception() const noexcept { return exception_; }
  void rethrow_if_failed() const {
    if (failed()) [[unlikely]]
      std::rethrow_exception(exception_);
  }

  stop_source* stop() const noexcept { return stop_; }

  // Starts `self` for `parent`, under `stop`. True: it suspended and will resume the parent later. False: it is done
  // already; until then its continuation is nobody, because the parent is still inside await_suspend.
  template <class Promise>
  static bool start(std::coroutine_handle<Promise> self, std::coroutine_handle<> parent, stop_source* stop) {
    WAITWORK_CHECK(self, "an empty task is not started");
    promise_base& promise = self.promise();
    promise.stop_ = stop;
    if (stack_is_low() && resume_from_loop(self)) [[unlikely]] {
      promise.next_ = reinterpret_cast<std::uintptr_t>(parent.address());
      return true;
    }
    self.resume();
    if (self.done()) return false;
    promise.next_ = reinterpret_cast<std::uintptr_t>(parent.address());
    return true;
  }

  // Starts `self` for `owner`, which may have destroyed the frame when this returns.
  template <class Promise>
  static void start(std::coroutine_handle<Promise> self, join_point& owner, stop_source* stop) {
    WAITWORK_CHECK(self, "an empty task is not started");
    promise_base& promise = self.promise();
    promise.stop_ = stop;
    promise.next_ = reinterpret_cast<std::uintptr_t>(&owner) | join_mark;
    if (stack_is_low() && resume_from_loop(self)) [[unlikely]]
      return;
    self.resume();
  }

  // For a root, which a loop resumes.
  void set_stop(stop_source* stop) noexcept { stop_ = stop; }

 protected:
  enum class outcome : unsigned char { none, value, failure };

  promise_base() noexcept {}
  promise_base(const promise_base&) = delete;
  promise_base& operator=(const promise_base&) = delete;
  ~promise_base() {
    if (failed()) [[unlikely]]
      exception_.~exception_ptr();
  }

  outcome outcome_ = outcome::none;

 private:
  static constexpr std::uintptr_t join_mark = 1;

  bool owned_by_join() const noexcept { return (next_ & join_mark) != 0; }
  join_point& owner() const noexcept { return *reinterpret_cast<join_point*>(next_ & ~join_mark); }
  void* next() const noexcept { return reinterpret_cast<void*>(next_); }

  // Every word here is written once an await: who goes on afterwards, a coroutine or a marked join_point, shares one;
  // the exception is made only when there is one.
  std::uintptr_t next_ = reinterpret_cast<std::uintptr_t>(std::noop_coroutine().address());
  stop_source* stop_ = nullptr;
  union {
    std::exception_ptr exception_;
  };
};

// The stop_source that the awaiting coroutine runs under; null for coroutines of other makes.
template <class Promise>
stop_source* stop_of(std::coroutine_handle<Promise> awaiting) noexcept {
  if constexpr (std::is_base_of_v<promise_base, Promise>) {
    return awaiting.promise().stop();
  } else {
    return nullptr;
  }
}

template <class T>
class promise final : public promise_base {
 public:
  promise() noexcept {}
  ~promise() {
    if constexpr (!std::is_trivially_destructible_v<T>) {
      if (outcome_ == outcome::value) value_.~T();
    }
  }
  task<T> get_return_object() noexcept;
  template <std::convertible_to<T> Value = T>
  void return_value(Value&& value) noexcept(std::is_nothrow_constructible_v<T, Value>) {
    std::construct_at(std::addressof(value_), std::forward<Value>(value));
    outcome_ = outcome::value;
  }
  T take() {
    rethrow_if_failed();
    return std::move(value_);
  }

 private:
  union {
    T value_;
  };
};

template <>
class promise<void> final : public promise_base {
 public:
  task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void take() const { rethrow_if_failed(); }
};

}  // namespace detail

template <class T>
class [[nodiscard("a task does nothing until it is awaited")]] task {
 public:
  using promise_type = detail::promise<T>;
  using value_type = T;
  using handle_type = std::coroutine_handle<promise_type>;

  task() noexcept = default;
  explicit task(handle_type handle) noexcept : handle_(handle) {}
  task(task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  task& operator=(task&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~task() {
    if (handle_) handle_.destroy();
  }

  bool done() const noexcept { return handle_ && handle_.done(); }
  handle_type handle() const noexcept { return handle_; }

  // Gives the frame away: whoever takes it destroys it.
  handle_type release() noexcept { return std::exchange(handle_, nullptr); }

  // Awaiting consumes the task: its frame is gone when the co_await has given the value, or has thrown.
  class awaiter {
   public:
    explicit awaiter(task& awaited) noexcept : task_(awaited) {}
    awaiter(const awaiter&) = delete;
    awaiter& operator=(const awaiter&) = delete;
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> parent) {
      return detail::promise_base::start(task_.handle_, parent, detail::stop_of(parent));
    }
    T await_resume() {
      if (task_.handle_.promise().failed()) [[unlikely]]
        fail();
      if constexpr (std::is_void_v<T>) {
        task_.release().destroy();
      } else {
        T value = task_.handle_.promise().take();
        task_.release().destroy();
        return value;
      }
    }

   private:
    // The frame goes first: it may hold the task that it awaited, which holds the next one, as deep as awaiting went.
    [[noreturn, gnu::cold, gnu::noinline]] void fail() {
      const std::exception_ptr failure = task_.handle_.promise().exception();
      task_.release().destroy();
      std::rethrow_exception(failure);
    }

    task& task_;
  };
  awaiter operator co_await() && noexcept {
    WAITWORK_CHECK(handle_ && !handle_.done(), "a moved-from or already awaited task is not awaited again");
    return awaiter(*this);
  }

 private:
  handle_type handle_;
};

namespace detail {

template <class T>
task<T> promise<T>::get_return_object() noexcept {
  return task<T>(std::coroutine_handle<promise<T>>::from_promise(*this));
}
inline task<void> promise<void>::get_return_object() noexcept {
  return task<void>(std::coroutine_handle<promise<void>>::from_promise(*this));
}

}  // namespace detail
}  // namespace waitwork
