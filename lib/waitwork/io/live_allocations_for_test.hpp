#pragma once
// How many allocations of this thread's programs are alive: what tells a leaked coroutine frame, whatever build it is.
//
// The program that links this counts every operator new and delete. Frames that wait in the frame pool for their next
// use are not alive.

#include <cstddef>
#include <cstdint>
#include <optional>

namespace waitwork {

// Allocated and not freed, by all threads, less what this thread's frame pool keeps.
std::ptrdiff_t live_allocations() noexcept;

// All that were ever made.
std::uint64_t allocations_made() noexcept;

// The allocation with this number, from allocations_made() on, throws std::bad_alloc, once. Nothing: none does.
void fail_allocation(std::optional<std::uint64_t> number) noexcept;

}  // namespace waitwork
