// SPDX-License-Identifier: Apache-2.0
#include <waitwork/io/live_allocations_for_test.hpp>

#include <atomic>
#include <cstdlib>
#include <limits>
#include <new>

namespace waitwork {
namespace {

// Counters only, so relaxed.
std::atomic<std::ptrdiff_t> live{0};
std::atomic<std::uint64_t> made{0};
std::atomic<std::uint64_t> fails{std::numeric_limits<std::uint64_t>::max()};

void* allocate(std::size_t bytes, std::size_t alignment) {
  if (made.fetch_add(1, std::memory_order_relaxed) == fails.load(std::memory_order_relaxed)) throw std::bad_alloc();
  const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  void* const memory = alignment <= alignof(std::max_align_t) ? std::malloc(bytes == 0 ? 1 : bytes)
                                                              : std::aligned_alloc(alignment, rounded);
  if (memory == nullptr) throw std::bad_alloc();
  live.fetch_add(1, std::memory_order_relaxed);
  return memory;
}

void deallocate(void* memory) noexcept {
  if (memory == nullptr) return;
  live.fetch_sub(1, std::memory_order_relaxed);
  std::free(memory);
}

}  // namespace

std::ptrdiff_t live_allocations() noexcept {
  std::ptrdiff_t kept = 0;
  for (const frame_pool::detail::free_list& list : frame_pool::detail::lists) {
    for (const auto* frame = list.head; frame->next != nullptr; frame = frame->next) ++kept;
  }
  return live.load(std::memory_order_relaxed) - kept;
}

std::uint64_t allocations_made() noexcept { return made.load(std::memory_order_relaxed); }

void fail_allocation(std::optional<std::uint64_t> number) noexcept {
  fails.store(number.value_or(std::numeric_limits<std::uint64_t>::max()), std::memory_order_relaxed);
}

without_frame_pool::without_frame_pool() noexcept {
  for (std::size_t index = 0; index < frame_pool::class_count; ++index) {
    const frame_pool::detail::free_frame* frame = frame_pool::detail::lists[index].head;
    while (frame->next != nullptr) {
      const auto* const next = frame->next;
      ::operator delete(const_cast<frame_pool::detail::free_frame*>(frame));
      frame = next;
    }
    ends_[index] = frame;
    frame_pool::detail::lists[index].head = &frame_pool::detail::closed_end;
  }
}

without_frame_pool::~without_frame_pool() {
  for (std::size_t index = 0; index < frame_pool::class_count; ++index) {
    if (ends_[index] != &frame_pool::detail::closed_end) frame_pool::detail::lists[index].head = ends_[index];
  }
}

}  // namespace waitwork

[[gnu::noinline]] void* operator new(std::size_t bytes) { return waitwork::allocate(bytes, alignof(std::max_align_t)); }
[[gnu::noinline]] void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return waitwork::allocate(bytes, static_cast<std::size_t>(alignment));
}
[[gnu::noinline]] void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  try {
    return ::operator new(bytes);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { waitwork::deallocate(memory); }
[[gnu::noinline]] void operator delete(void* memory, const std::nothrow_t&) noexcept { waitwork::deallocate(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { waitwork::deallocate(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept { waitwork::deallocate(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  waitwork::deallocate(memory);
}
