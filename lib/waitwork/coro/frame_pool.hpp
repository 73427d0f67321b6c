// SPDX-License-Identifier: Apache-2.0
#pragma once
// frame_pool: coroutine frames recycled through a per-thread free list.
//
// g++ 12 never elides a coroutine frame, so every co_await of a task allocates one. malloc takes about 20 ns for the
// pair; a free list by size class takes 2 and keeps a hot frame in the first-level cache. A frame freed on another
// thread than it came from joins that thread's list, which is why the lists are bounded: a thread that only receives
// frames from others gives them back. Under AddressSanitizer the pool steps aside, so that a use after free of a
// frame is seen.

#include <array>
#include <cstddef>
#include <new>

namespace waitwork::frame_pool {

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool recycles = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
inline constexpr bool recycles = false;
#else
inline constexpr bool recycles = true;
#endif
#else
inline constexpr bool recycles = true;
#endif

// Frames of this project measure 96 to 700 bytes; 64-byte classes waste little and 32 of them reach 2 KiB. A larger
// frame goes to operator new.
inline constexpr std::size_t class_bytes = 64;
inline constexpr std::size_t class_count = 32;

// What a thread keeps of one class: some ten thousand frames of the usual sizes, and 64 MiB over all classes at worst.
inline constexpr std::size_t kept_bytes = 2 << 20;

namespace detail {

// A frame that waits in a list. It knows how many more the list may take, so that taking one out counts nothing.
struct free_frame {
  const free_frame* next;  // null: not a frame but the end of a list
  std::size_t room;
};

inline constexpr free_frame closed_end{nullptr, 0};

struct free_list {
  const free_frame* head = &closed_end;  // opened by the thread's first deallocation
};

// Constant-initialised and without a destructor, so that reaching it is one instruction; the frames are returned by
// another object, which a thread's first deallocation creates.
inline constinit thread_local std::array<free_list, class_count> lists{};

void deallocate_slow(void* frame, std::size_t index) noexcept;

constexpr std::size_t class_of(std::size_t bytes) noexcept { return (bytes - 1) / class_bytes; }

}  // namespace detail

// Storage for a frame of `bytes`, aligned as operator new aligns. Throws std::bad_alloc.
inline void* allocate(std::size_t bytes) {
  const std::size_t index = detail::class_of(bytes);
  if (!recycles || index >= class_count) return ::operator new(bytes);
  detail::free_list& list = detail::lists[index];
  const detail::free_frame* const frame = list.head;
  if (frame->next == nullptr) return ::operator new((index + 1) * class_bytes);
  list.head = frame->next;
  return const_cast<detail::free_frame*>(frame);
}

// Returns storage of `bytes` (the same number) to this thread's free list.
inline void deallocate(void* frame, std::size_t bytes) noexcept {
  const std::size_t index = detail::class_of(bytes);
  if (!recycles || index >= class_count) {
    ::operator delete(frame);
    return;
  }
  detail::free_list& list = detail::lists[index];
  const std::size_t room = list.head->room;
  if (room == 0) {
    detail::deallocate_slow(frame, index);
    return;
  }
  list.head = ::new (frame) detail::free_frame{list.head, room - 1};
}

}  // namespace waitwork::frame_pool
