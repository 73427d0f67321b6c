// SPDX-License-Identifier: Apache-2.0
#pragma once
// semaphore: at most so many coroutines of one loop at a time.
//
//   semaphore connections(64);
//   ...
//   const semaphore::permit held = co_await connections.hold();   // given back when `held` is destroyed
//
// First come, first served: a permit that is released goes to the coroutine that has waited longest, and nobody
// overtakes it. Waits are those of wait_list.hpp. One thread: loops that share a limit need a semaphore each.

#include <coroutine>
#include <cstddef>
#include <utility>

#include <waitwork/coro/wait_list.hpp>

namespace waitwork {

class semaphore {
 public:
  explicit semaphore(std::size_t permits) noexcept : available_(permits) {}
  semaphore(const semaphore&) = delete;
  semaphore& operator=(const semaphore&) = delete;

  class acquiring : public detail::list_waiter {
   public:
    explicit acquiring(semaphore& from) noexcept : semaphore_(from) {}
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> self) {
      return suspend(self, semaphore_.waiters_, [this]() noexcept { return semaphore_.try_acquire(); });
    }
    void await_resume() const { throw_if_stopped(); }

   protected:
    semaphore& semaphore_;
  };

  // One permit, given back by its destructor. Empty once it is moved from. The semaphore outlives it.
  class [[nodiscard]] permit {
   public:
    explicit permit(semaphore& from) noexcept : semaphore_(&from) {}
    permit(permit&& other) noexcept : semaphore_(std::exchange(other.semaphore_, nullptr)) {}
    permit& operator=(permit&& other) noexcept {
      permit(std::move(other)).swap(*this);
      return *this;
    }
    ~permit() {
      if (semaphore_ != nullptr) semaphore_->release();
    }

   private:
    void swap(permit& other) noexcept { std::swap(semaphore_, other.semaphore_); }

    semaphore* semaphore_;
  };

  class holding final : public acquiring {
   public:
    using acquiring::acquiring;
    permit await_resume() const {
      throw_if_stopped();
      return permit(semaphore_);
    }
  };

  // Takes one permit, to be given back by release(). Throws `cancelled` on a stop; it has no permit then.
  [[nodiscard]] acquiring acquire() noexcept { return acquiring(*this); }

  // The same, as an object that gives it back. Usually what is wanted, because a wait inside may throw.
  [[nodiscard]] holding hold() noexcept { return holding(*this); }

  // Takes one permit if there is one, which there is not while others wait.
  [[nodiscard]] bool try_acquire() noexcept {
    if (available_ == 0) return false;
    --available_;
    return true;
  }

  // Gives back `permits`, or adds them: they need not have been acquired. Wakes as many waiters.
  void release(std::size_t permits = 1) noexcept {
    for (; permits > 0 && !waiters_.empty(); --permits) waiters_.wake_oldest();
    available_ += permits;
  }

  std::size_t available() const noexcept { return available_; }

 private:
  std::size_t available_;  // 0 while somebody waits
  detail::wait_list waiters_;
};

}  // namespace waitwork
