// SPDX-License-Identifier: Apache-2.0
#pragma once
// offload: compute on an arena, resume on the loop that asked.
//
//   auto render = [&] { return blur(image); };          // name the callable first: g++ 12 destroys a lambda twice
//   image blurred = co_await offload(arena, render);     // that is written inside the co_await
//
// The coroutine stays at home: only the callable runs elsewhere, on a worker of the arena. The callable is referred to,
// so it must live until the coroutine resumes; as a local of the awaiting coroutine it does. Its value, or its
// exception, comes back. The arena must outlive every coroutine that awaits it. Work that waits for other work of the
// same arena holds a worker meanwhile.
//
// A stop: work that no worker has begun is taken back and throws `cancelled`, in the next turn, or at once if the stop
// came before; work that runs is waited for, and gives what it gives. Long work that should end early asks for itself.
//
// Allocates nothing. Costs two wakes, of the worker and of the loop, if they sleep; figures in parallel/arena.hpp.

#include <coroutine>

#include <waitwork/coro/task.hpp>
#include <waitwork/hybrid/offloaded.hpp>
#include <waitwork/parallel/arena.hpp>

namespace waitwork {

template <class Work>
class offload_awaiter final : public detail::offloaded<Work> {
 public:
  // With a null arena the work runs inside await_suspend on this thread, and the coroutine goes to the back of the
  // loop's ready queue: taking turns.
  offload_awaiter(arena* workers, Work& work) noexcept : detail::offloaded<Work>(work), arena_(workers) {}

  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> self) {
    stop_source* const stop = detail::stop_of(self);
    return arena_ == nullptr ? this->stay(self, stop) : this->depart(self, stop);
  }

 private:
  bool hand_over(job& self) override {
    arena_->submit(self);
    return arena_->has_cpu_to_spare();
  }
  bool take_back(job& self) noexcept override { return arena_->withdraw(self); }
  void run() noexcept override {
    try {
      arena_->enter([](void* self) noexcept { static_cast<offload_awaiter*>(self)->work(); }, this);
    } catch (...) {
      this->fail();
    }
    this->come_home();
  }

  arena* arena_;
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
