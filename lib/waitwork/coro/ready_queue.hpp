// SPDX-License-Identifier: Apache-2.0
#pragma once
// ready_queue: coroutines that can go on, in the order in which they became ready.
//
// Intrusive: the node is part of the awaiter, which lives in the suspended coroutine's frame, so queueing allocates
// nothing and cannot fail. Every loop has one and makes it the thread's own while it runs; so what wakes a coroutine
// (a semaphore, a stop request) needs no loop, and this layer no operating system.

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <utility>

#include <waitwork/base/check.hpp>
#include <waitwork/coro/stack_limit.hpp>

namespace waitwork {

// Nothing is set before it is used: an operation that is awaited ten million times a second pays for each store.
struct ready_node {
  ready_node() noexcept {}

  ready_node* next;  // only while it is queued
  union {
    std::coroutine_handle<> waiter;
  };
};

class ready_queue {
 public:
  ready_queue() noexcept = default;
  ready_queue(const ready_queue&) = delete;
  ready_queue& operator=(const ready_queue&) = delete;

  // The queue of the loop that runs on this thread; a bug if there is none.
  static ready_queue& current() noexcept {
    WAITWORK_CHECK(current_ != nullptr, "a coroutine is woken on the thread of its running loop");
    return *current_;
  }

  // Makes `queue` the thread's own until the object dies. Coroutines nest from here (stack_limit.hpp), so whoever
  // drains the queue does it in this function or in those that it calls.
  class as_current {
   public:
    explicit as_current(ready_queue& queue) noexcept
        : before_(std::exchange(current_, &queue)),
          limit_before_(std::exchange(detail::nesting_limit, detail::nesting_limit_from_here())) {}
    ~as_current() {
      current_ = before_;
      detail::nesting_limit = limit_before_;
    }
    as_current(const as_current&) = delete;
    as_current& operator=(const as_current&) = delete;

   private:
    ready_queue* before_;
    std::uintptr_t limit_before_;
  };

  bool empty() const noexcept { return head_ == nullptr; }

  void push(ready_node& node) noexcept {
    node.next = nullptr;
    *tail_ = &node;
    tail_ = &node.next;
  }

  // A list of nodes that ends with null; how many they are.
  std::size_t push_all(ready_node* first) noexcept {
    std::size_t count = 0;
    for (*tail_ = first; *tail_ != nullptr; tail_ = &(*tail_)->next) ++count;
    return count;
  }

  // Takes everything queued so far; what is pushed later belongs to the next turn.
  ready_node* take_all() noexcept {
    tail_ = &head_;
    return std::exchange(head_, nullptr);
  }

 private:
  static inline constinit thread_local ready_queue* current_ = nullptr;

  ready_node* head_ = nullptr;
  ready_node** tail_ = &head_;  // where the next one goes
};

}  // namespace waitwork
