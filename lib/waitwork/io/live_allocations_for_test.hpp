// SPDX-License-Identifier: Apache-2.0
#pragma once
// How many allocations of this thread's programs are alive: what tells a leaked coroutine frame, whatever build it is.
// And a chosen one that fails.
//
// The program that links this counts every operator new and delete. Frames that wait in the frame pool for their next
// use are not alive.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include <waitwork/coro/frame_pool.hpp>

namespace waitwork {

// Allocated and not freed, by all threads, less what this thread's frame pool keeps.
std::ptrdiff_t live_allocations() noexcept;

// All that were ever made.
std::uint64_t allocations_made() noexcept;

// The allocation before which so many were made throws std::bad_alloc. Nothing: none does.
void fail_allocation(std::optional<std::uint64_t> number) noexcept;

// While it lives, this thread's frame pool keeps nothing: every frame is an allocation, and can fail.
class without_frame_pool {
 public:
  without_frame_pool() noexcept;
  ~without_frame_pool();
  without_frame_pool(const without_frame_pool&) = delete;
  without_frame_pool& operator=(const without_frame_pool&) = delete;

 private:
  std::array<const frame_pool::detail::free_frame*, frame_pool::class_count> ends_;
};

}  // namespace waitwork
