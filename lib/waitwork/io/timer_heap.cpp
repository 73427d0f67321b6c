// SPDX-License-Identifier: Apache-2.0
#include <waitwork/io/timer_heap.hpp>

#include <algorithm>
#include <new>

#include <waitwork/base/check.hpp>
#include <waitwork/io/timer.hpp>

namespace waitwork {
namespace {

constexpr std::size_t arity = 4;

// Below this many dead entries a pass over the heap is not worth its start.
constexpr std::size_t dead_tolerated = 64;

}  // namespace

void timer_heap::push(timer& pending) {
  const entry added{pending.deadline_ns(), take_slot(pending)};
  try {
    entries_.push_back(added);
  } catch (const std::bad_alloc&) {
    free_slot(added.slot);
    throw;
  }
  sift_up(entries_.size() - 1, added);
  ++living_;
}

void timer_heap::remove(timer& pending) noexcept {
  slots_[pending.slot_].pending = nullptr;
  --living_;
  const std::size_t dead = entries_.size() - living_;
  if (dead > living_ + dead_tolerated) drop_dead();
}

std::int64_t timer_heap::earliest_ns() noexcept {
  while (slots_[entries_.front().slot].pending == nullptr) drop_top();
  return entries_.front().deadline_ns;
}

timer& timer_heap::pop() noexcept {
  earliest_ns();
  timer& earliest = *slots_[entries_.front().slot].pending;
  --living_;
  drop_top();
  return earliest;
}

void timer_heap::drop_top() noexcept {
  free_slot(entries_.front().slot);
  const entry moved = entries_.back();
  entries_.pop_back();
  if (!entries_.empty()) sift_down(0, moved);
}

// Keeps the living entries and makes a heap of them again, from the last parent up: O(n).
void timer_heap::drop_dead() noexcept {
  std::erase_if(entries_, [this](const entry& each) {
    if (slots_[each.slot].pending != nullptr) return false;
    free_slot(each.slot);
    return true;
  });
  if (entries_.size() < 2) return;
  for (std::size_t parent = (entries_.size() - 2) / arity + 1; parent-- > 0;) {
    const entry moved = entries_[parent];
    sift_down(parent, moved);
  }
}

void timer_heap::sift_up(std::size_t hole, const entry& moved) noexcept {
  while (hole > 0) {
    const std::size_t parent = (hole - 1) / arity;
    if (entries_[parent].deadline_ns <= moved.deadline_ns) break;
    entries_[hole] = entries_[parent];
    hole = parent;
  }
  entries_[hole] = moved;
}

void timer_heap::sift_down(std::size_t hole, const entry& moved) noexcept {
  const std::size_t count = entries_.size();
  for (;;) {
    const std::size_t first_child = hole * arity + 1;
    if (first_child >= count) break;
    std::size_t smallest = first_child;
    for (std::size_t child = first_child + 1; child < std::min(first_child + arity, count); ++child) {
      if (entries_[child].deadline_ns < entries_[smallest].deadline_ns) smallest = child;
    }
    if (moved.deadline_ns <= entries_[smallest].deadline_ns) break;
    entries_[hole] = entries_[smallest];
    hole = smallest;
  }
  entries_[hole] = moved;
}

std::uint32_t timer_heap::take_slot(timer& pending) {
  std::uint32_t index = first_free_;
  if (index == no_slot) {
    WAITWORK_CHECK(slots_.size() < no_slot, "a loop has fewer than four thousand million timers");
    index = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    first_free_ = slots_[index].next_free;
  }
  slots_[index].pending = &pending;
  pending.slot_ = index;
  return index;
}

void timer_heap::free_slot(std::uint32_t index) noexcept {
  slots_[index].next_free = first_free_;
  first_free_ = index;
}

}  // namespace waitwork
