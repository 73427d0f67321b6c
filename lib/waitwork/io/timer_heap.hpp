// SPDX-License-Identifier: Apache-2.0
#pragma once
// timer_heap: the pending timers of one loop, earliest first.
//
// A 4-ary heap in one array: half the levels of a binary heap, and the four children of a node share a cache line.
// The deadline is stored beside a slot number, so that sifting never touches a coroutine frame. Most timers are
// timeouts that are cancelled long before they are due, so cancelling must be cheap: it empties the timer's slot, and
// the heap's entry stays behind, dead, until it comes to the top or until the dead outnumber the living, when one pass
// removes them all. The alternative, each timer knowing its place in the heap, makes every sift write to as many
// frames as it moves entries: with a million sleepers, a cache miss each. 24 bytes a timer.
// Private to io/.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace waitwork {

class timer;

class timer_heap {
 public:
  bool empty() const noexcept { return living_ == 0; }
  std::size_t size() const noexcept { return living_; }

  // With the dead ones.
  std::size_t entries_held() const noexcept { return entries_.size(); }

  // Of a living timer; not when empty.
  std::int64_t earliest_ns() noexcept;

  // O(log n). Allocates only when the heap has never been this large.
  void push(timer& pending);

  // Takes back a timer that was pushed and has not been popped. Amortised O(1).
  void remove(timer& pending) noexcept;

  // The timer with the earliest deadline, removed; timers of equal deadline come in no particular order. O(log n).
  // Not when empty.
  timer& pop() noexcept;

 private:
  struct entry {
    std::int64_t deadline_ns;
    std::uint32_t slot;
  };
  // A slot outlives its timer, until its entry has left the heap.
  union slot {
    timer* pending;  // null: dead
    std::uint32_t next_free;
  };

  std::uint32_t take_slot(timer& pending);
  void free_slot(std::uint32_t index) noexcept;
  void drop_top() noexcept;
  void drop_dead() noexcept;
  void sift_up(std::size_t hole, const entry& moved) noexcept;
  void sift_down(std::size_t hole, const entry& moved) noexcept;

  std::vector<entry> entries_;
  std::vector<slot> slots_;
  std::uint32_t first_free_ = no_slot;
  std::size_t living_ = 0;
  static constexpr std::uint32_t no_slot = UINT32_MAX;
};

}  // namespace waitwork
