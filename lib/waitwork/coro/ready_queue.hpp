#pragma once
// ready_queue: coroutines that can go on, in the order in which they became ready.
//
// Intrusive: the node is part of the awaiter, which lives in the suspended coroutine's frame, so queueing allocates
// nothing and cannot fail.

#include <coroutine>
#include <utility>

namespace waitwork {

struct ready_node {
  ready_node* next = nullptr;
  std::coroutine_handle<> waiter;
};

class ready_queue {
 public:
  ready_queue() noexcept = default;
  ready_queue(const ready_queue&) = delete;
  ready_queue& operator=(const ready_queue&) = delete;

  bool empty() const noexcept { return head_ == nullptr; }

  void push(ready_node& node) noexcept {
    node.next = nullptr;
    if (head_ == nullptr) {
      head_ = &node;
    } else {
      tail_->next = &node;
    }
    tail_ = &node;
  }

  // Takes everything queued so far; what is pushed later belongs to the next turn.
  ready_node* take_all() noexcept {
    tail_ = nullptr;
    return std::exchange(head_, nullptr);
  }

 private:
  ready_node* head_ = nullptr;
  ready_node* tail_ = nullptr;
};

}  // namespace waitwork
