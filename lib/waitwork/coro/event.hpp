// SPDX-License-Identifier: Apache-2.0
#pragma once
// event: coroutines of one loop wait until something is so.
//
// It stays set until it is reset, so who comes later does not wait. Whoever waits when it is set is woken, also if it
// is reset before they resume; a coroutine that needs it to be so still looks again. Waits are those of wait_list.hpp.

#include <coroutine>

#include <waitwork/coro/wait_list.hpp>

namespace waitwork {

class event {
 public:
  event() noexcept = default;
  event(const event&) = delete;
  event& operator=(const event&) = delete;

  class waiting final : public detail::list_waiter {
   public:
    explicit waiting(event& awaited) noexcept : event_(awaited) {}
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> self) {
      return suspend(self, event_.waiters_, [this]() noexcept { return event_.set_; });
    }
    void await_resume() const { throw_if_stopped(); }

   private:
    event& event_;
  };

  // Waits until the event is set; any number of coroutines may. Throws `cancelled` on a stop.
  [[nodiscard]] waiting wait() noexcept { return waiting(*this); }

  // Wakes all who wait, in the order in which they came.
  void set() noexcept {
    set_ = true;
    while (!waiters_.empty()) waiters_.wake_oldest();
  }

  void reset() noexcept { set_ = false; }
  bool is_set() const noexcept { return set_; }

 private:
  bool set_ = false;
  detail::wait_list waiters_;
};

}  // namespace waitwork
