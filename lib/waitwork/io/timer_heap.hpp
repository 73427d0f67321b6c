#pragma once
// timer_heap: the pending timers of one loop, earliest first.
//
// A 4-ary heap in one array: half the levels of a binary heap, and the four children of a node share a cache line.
// The deadline is stored beside the pointer, so that sifting never touches a coroutine frame. 16 bytes a timer.
// Private to io/.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace waitwork {

class timer;

class timer_heap {
 public:
  bool empty() const noexcept { return entries_.empty(); }
  std::size_t size() const noexcept { return entries_.size(); }
  std::int64_t earliest_ns() const noexcept { return entries_.front().deadline_ns; }

  // O(log n). Allocates only when the heap has never been this large.
  void push(timer& pending);

  // The timer with the earliest deadline, removed; timers of equal deadline come in no particular order. O(log n).
  timer& pop() noexcept;

 private:
  struct entry {
    std::int64_t deadline_ns;
    timer* pending;
  };
  std::vector<entry> entries_;
};

}  // namespace waitwork
