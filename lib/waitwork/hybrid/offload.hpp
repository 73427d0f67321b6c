#pragma once
// offload: compute on an arena, resume on the loop that asked.
//
//   auto render = [&] { return blur(image); };          // name the callable first: g++ 12 destroys a lambda twice
//   image blurred = co_await offload(arena, render);     // that is written inside the co_await
//
// The coroutine stays at home: only the callable runs elsewhere, on a worker of the arena. The callable is referred to,
// so it must live until the coroutine resumes; as a local of the awaiting coroutine it does. Its value, or its
// exception, comes back. Costs one arena task and, if the loop sleeps by then, one wake. Not cancellable once running.

#include <waitwork/io/loop.hpp>
#include <waitwork/parallel/arena.hpp>

#include <coroutine>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace waitwork {

template <class Work>
class offload_awaiter : private ready_node {
 public:
  using value_type = std::invoke_result_t<Work&>;

  // With a null arena the work runs inside await_suspend on this thread, and the coroutine goes to the back of the
  // loop's ready queue: taking turns.
  offload_awaiter(arena* workers, Work& work) noexcept : arena_(workers), work_(work) {}
  offload_awaiter(const offload_awaiter&) = delete;
  offload_awaiter& operator=(const offload_awaiter&) = delete;

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> self) {
    waiter = self;
    home_ = &loop::current();
    if (arena_ == nullptr) {
      run();
      home_->make_ready(*this);
    } else {
      arena_->enqueue(&offload_awaiter::run_on_worker, this);
    }
  }
  value_type await_resume() {
    if (failure_) std::rethrow_exception(failure_);
    if constexpr (!std::is_void_v<value_type>) return std::move(*value_);
  }

 private:
  struct nothing {};
  using stored_type = std::conditional_t<std::is_void_v<value_type>, nothing, value_type>;

  void run() noexcept {
    try {
      if constexpr (std::is_void_v<value_type>) {
        work_();
      } else {
        value_.emplace(work_());
      }
    } catch (...) {
      failure_ = std::current_exception();
    }
  }

  // After post() the frame may be gone: nothing of this object is touched any more.
  static void run_on_worker(void* self) noexcept {
    auto* awaiter = static_cast<offload_awaiter*>(self);
    loop* home = awaiter->home_;
    awaiter->run();
    home->post(*awaiter);
  }

  arena* arena_;
  Work& work_;
  loop* home_ = nullptr;
  std::optional<stored_type> value_;
  std::exception_ptr failure_;
};

// Runs work() on a worker of `workers`; resumes on the current loop with its value.
template <class Work>
[[nodiscard]] offload_awaiter<Work> offload(arena& workers, Work& work) noexcept {
  return {&workers, work};
}

// The same with a choice: a null arena computes here and then yields.
template <class Work>
[[nodiscard]] offload_awaiter<Work> offload_or_inline(arena* workers, Work& work) noexcept {
  return {workers, work};
}

}  // namespace waitwork
