// SPDX-License-Identifier: Apache-2.0
#include <waitwork/coro/frame_pool.hpp>

#include <utility>

namespace waitwork::frame_pool::detail {
namespace {

// The ends of open lists: how many frames each class may keep.
constexpr std::array<free_frame, class_count> open_ends = [] {
  std::array<free_frame, class_count> ends{};
  for (std::size_t index = 0; index < class_count; ++index) {
    ends[index] = {nullptr, kept_bytes / ((index + 1) * class_bytes)};
  }
  return ends;
}();

constinit thread_local bool ended = false;

// Opens a thread's lists, and gives its frames back when the thread ends. What a later destructor frees goes straight
// to operator delete.
struct owner {
  owner() noexcept {
    for (std::size_t index = 0; index < class_count; ++index) lists[index].head = &open_ends[index];
  }
  ~owner() {
    ended = true;
    for (free_list& list : lists) {
      const free_frame* frame = std::exchange(list.head, &closed_end);
      while (frame->next != nullptr) {
        const free_frame* const next = frame->next;
        ::operator delete(const_cast<free_frame*>(frame));
        frame = next;
      }
    }
  }
};

}  // namespace

void deallocate_slow(void* frame, std::size_t index) noexcept {
  if (!ended) {
    thread_local const owner opened;
    static_cast<void>(opened);
    const free_frame* const head = lists[index].head;
    if (head->room > 0) {
      lists[index].head = ::new (frame) free_frame{head, head->room - 1};
      return;
    }
  }
  ::operator delete(frame);
}

}  // namespace waitwork::frame_pool::detail
