// SPDX-License-Identifier: Apache-2.0
#include <waitwork/coro/stack_limit.hpp>

#include <algorithm>
#include <new>

#include <waitwork/coro/frame_pool.hpp>
#include <waitwork/coro/ready_queue.hpp>

namespace waitwork::detail {
namespace {

// A coroutine that owns itself: queued, it resumes another one, and is gone. A frame of its own, because the one that
// waits may have no word to spare for the queue.
class errand {
 public:
  struct promise_type : ready_node {
    static void* operator new(std::size_t bytes) { return frame_pool::allocate(bytes); }
    static void operator delete(void* frame, std::size_t bytes) noexcept { frame_pool::deallocate(frame, bytes); }
    errand get_return_object() noexcept { return errand(*this); }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept {}  // resuming throws nothing: a task keeps its exception
  };

  explicit errand(promise_type& promise) noexcept : promise_(promise) {
    promise.waiter = std::coroutine_handle<promise_type>::from_promise(promise);
  }
  ready_node& node() const noexcept { return promise_; }

 private:
  promise_type& promise_;
};

errand resume(std::coroutine_handle<> waiting) {
  waiting.resume();
  co_return;
}

// ThreadSanitizer has a stack of its own of the functions that were entered, of 64 Ki entries, and ends the program
// where that is full.
#if defined(__SANITIZE_THREAD__)
constexpr std::uintptr_t most_bytes = 256 << 10;
#else
constexpr std::uintptr_t most_bytes = nesting_most_bytes;
#endif

}  // namespace

std::uintptr_t nesting_limit_from_here() noexcept {
  const std::uintptr_t here = stack_pointer();
  const std::uintptr_t end = stack_end();
  return end < here ? here - std::min((here - end) / 2, most_bytes) : here;
}

bool resume_from_loop(std::coroutine_handle<> waiting) noexcept {
  try {
    ready_queue::current().push(resume(waiting).node());
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

}  // namespace waitwork::detail
