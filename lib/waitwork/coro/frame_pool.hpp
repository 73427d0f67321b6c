#pragma once
// frame_pool: coroutine frames recycled through a per-thread free list.
//
// g++ 12 never elides a coroutine frame, so every co_await of a task allocates one. malloc takes about 20 ns for the
// pair; a free list by size class takes 2 to 3 and keeps a hot frame in the first-level cache. A frame freed on
// another thread than it came from joins that thread's list: correct, merely unbalanced, and it does not happen
// while coroutines stay on their loop. Under AddressSanitizer the pool steps aside, so that a use after free of a
// frame is seen.

#include <cstddef>

namespace waitwork::frame_pool {

// Storage for a frame of `bytes`, aligned as operator new aligns. Throws std::bad_alloc.
void* allocate(std::size_t bytes);

// Returns storage of `bytes` (the same number) to this thread's free list.
void deallocate(void* frame, std::size_t bytes) noexcept;

}  // namespace waitwork::frame_pool
