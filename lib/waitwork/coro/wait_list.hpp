// SPDX-License-Identifier: Apache-2.0
#pragma once
// wait_list: the coroutines that wait at one thing, oldest first. What semaphore, mutex, event and channel share.
//
// Intrusive and doubly linked: a waiter is part of its awaiter and so of a suspended frame. Waiting allocates nothing,
// and a waiter that is stopped leaves from the middle in constant time. One thread, no atomics.
//
// The contract of every wait that is built on it:
//   - it resumes on its own loop's thread, from the loop's turn, never inside the call that woke it; a wait that need
//     not wait goes on at once, without suspending;
//   - a stop that comes while it waits ends it: it throws `cancelled` and has taken nothing;
//   - what was granted before the stop stays granted, also if the coroutine has not resumed yet: nothing is lost in
//     between;
//   - awaited when the stop is already requested it throws at once, even if it need not have waited. A loop that takes
//     and gives back what is always free would otherwise never end.

#include <coroutine>

#include <waitwork/base/check.hpp>
#include <waitwork/coro/cancellation.hpp>
#include <waitwork/coro/ready_queue.hpp>
#include <waitwork/coro/task.hpp>

namespace waitwork::detail {

class wait_list;

// Base of the awaiters. Neither copied nor moved: the list and the stop_source refer to it.
class list_waiter : private ready_node, private stop_callback {
 public:
  bool await_ready() const noexcept { return false; }

 protected:
  list_waiter() noexcept = default;
  ~list_waiter() { WAITWORK_CHECK(list_ == nullptr, "a coroutine is not destroyed while it waits"); }

  // For await_suspend. False: `self` goes on at once, because it is stopped already or because attempt() -> bool has
  // got what it came for. True: it waits at the end of `list`, until wake_oldest() or a stop.
  template <class Promise, class Attempt>
  bool suspend(std::coroutine_handle<Promise> self, wait_list& list, Attempt&& attempt);

  // For await_resume.
  void throw_if_stopped() const {
    if (stopped_) throw cancelled();
  }

 private:
  friend class wait_list;
  inline void on_stop() noexcept override;

  list_waiter* older_ = nullptr;
  list_waiter* newer_ = nullptr;
  wait_list* list_ = nullptr;  // null: it does not wait
  bool stopped_ = false;
};

class wait_list {
 public:
  wait_list() noexcept = default;
  ~wait_list() { WAITWORK_CHECK(empty(), "nothing waits at what is destroyed"); }
  wait_list(const wait_list&) = delete;
  wait_list& operator=(const wait_list&) = delete;

  bool empty() const noexcept { return oldest_ == nullptr; }

  // Takes the oldest waiter out, of which there must be one, and queues it: it resumes in a later turn, so what it
  // waited for can still be put into it.
  list_waiter& wake_oldest() noexcept {
    WAITWORK_CHECK(!empty(), "only who waits can be woken");
    list_waiter& oldest = *oldest_;
    oldest.stop_listening();
    remove(oldest);
    ready_queue::current().push(oldest);
    return oldest;
  }

 private:
  friend class list_waiter;

  void append(list_waiter& newest) noexcept {
    newest.list_ = this;
    newest.older_ = newest_;
    (newest_ == nullptr ? oldest_ : newest_->newer_) = &newest;
    newest_ = &newest;
  }

  void remove(list_waiter& waiter) noexcept {
    (waiter.older_ == nullptr ? oldest_ : waiter.older_->newer_) = waiter.newer_;
    (waiter.newer_ == nullptr ? newest_ : waiter.newer_->older_) = waiter.older_;
    waiter.older_ = waiter.newer_ = nullptr;
    waiter.list_ = nullptr;
  }

  list_waiter* oldest_ = nullptr;
  list_waiter* newest_ = nullptr;
};

template <class Promise, class Attempt>
bool list_waiter::suspend(std::coroutine_handle<Promise> self, wait_list& list, Attempt&& attempt) {
  stop_source* const stop = stop_of(self);
  if (stop != nullptr && stop->stop_requested()) {
    stopped_ = true;
    return false;
  }
  if (attempt()) return false;
  waiter = self;
  list.append(*this);
  listen(stop);
  return true;
}

void list_waiter::on_stop() noexcept {
  stopped_ = true;
  list_->remove(*this);
  ready_queue::current().push(*this);
}

}  // namespace waitwork::detail
