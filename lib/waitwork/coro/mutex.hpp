// SPDX-License-Identifier: Apache-2.0
#pragma once
// mutex: one coroutine of a loop at a time, across its waits.
//
//   const mutex::guard guard = co_await connection.writing.lock();
//   co_await send_all(header);      // nobody else's bytes come in between
//   co_await send_all(body);
//
// Between two waits a coroutine is alone on its loop anyway; a mutex is for what must not be disturbed while it waits.
// First come, first served: unlocking hands the mutex to the one who has waited longest. Waits are those of
// wait_list.hpp; to lock for the last words of something that is being cancelled, await shielded(m.lock()). Not
// recursive.

#include <coroutine>
#include <optional>
#include <utility>

#include <waitwork/base/check.hpp>
#include <waitwork/coro/wait_list.hpp>

namespace waitwork {

class mutex {
 public:
  mutex() noexcept = default;
  ~mutex() { WAITWORK_CHECK(!locked_, "a mutex outlives its guards"); }
  mutex(const mutex&) = delete;
  mutex& operator=(const mutex&) = delete;

  // Unlocks in its destructor. Empty once it is moved from.
  class [[nodiscard]] guard {
   public:
    guard(guard&& other) noexcept : mutex_(std::exchange(other.mutex_, nullptr)) {}
    guard& operator=(guard&& other) noexcept {
      guard taken(std::move(other));
      std::swap(mutex_, taken.mutex_);
      return *this;
    }
    ~guard() { unlock(); }

    // Before the destructor does; nothing if it is empty.
    void unlock() noexcept {
      if (mutex* const owned = std::exchange(mutex_, nullptr)) owned->unlock();
    }

   private:
    friend class mutex;
    explicit guard(mutex& owned) noexcept : mutex_(&owned) {}

    mutex* mutex_;
  };

  class locking final : public detail::list_waiter {
   public:
    explicit locking(mutex& wanted) noexcept : mutex_(wanted) {}
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> self) {
      return suspend(self, mutex_.waiters_, [this]() noexcept { return !std::exchange(mutex_.locked_, true); });
    }
    guard await_resume() const {
      throw_if_stopped();
      return guard(mutex_);
    }

   private:
    mutex& mutex_;
  };

  // Waits until the mutex is free and locks it. Throws `cancelled` on a stop; it has not locked then.
  [[nodiscard]] locking lock() noexcept { return locking(*this); }

  // Empty if the mutex is locked.
  [[nodiscard]] std::optional<guard> try_lock() noexcept {
    if (std::exchange(locked_, true)) return std::nullopt;
    return guard(*this);
  }

  bool is_locked() const noexcept { return locked_; }

 private:
  // Stays locked if somebody waits: it is theirs from now on.
  void unlock() noexcept {
    if (waiters_.empty()) {
      locked_ = false;
    } else {
      waiters_.wake_oldest();
    }
  }

  bool locked_ = false;
  detail::wait_list waiters_;
};

}  // namespace waitwork
