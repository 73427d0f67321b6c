#include <waitwork/io/timer.hpp>

#include <algorithm>

#include <waitwork/io/timer_heap.hpp>

namespace waitwork {
namespace {

constexpr std::size_t arity = 4;

}  // namespace

void timer_heap::push(timer& pending) {
  const entry added{pending.deadline_ns(), &pending};
  std::size_t hole = entries_.size();
  entries_.push_back(added);
  while (hole > 0) {
    const std::size_t parent = (hole - 1) / arity;
    if (entries_[parent].deadline_ns <= added.deadline_ns) break;
    entries_[hole] = entries_[parent];
    hole = parent;
  }
  entries_[hole] = added;
}

timer& timer_heap::pop() noexcept {
  timer& earliest = *entries_.front().pending;
  const entry moved = entries_.back();
  entries_.pop_back();
  const std::size_t count = entries_.size();
  std::size_t hole = 0;
  while (count > 0) {
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
  if (count > 0) entries_[hole] = moved;
  return earliest;
}

}  // namespace waitwork
