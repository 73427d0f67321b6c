#include <waitwork/coro/frame_pool.hpp>

#include <utility>

namespace waitwork::frame_pool::detail {
namespace {

constinit thread_local bool ended = false;

// Opens a thread's lists, and gives its frames back when the thread ends. What a later destructor frees goes straight
// to operator delete.
struct owner {
  owner() noexcept {
    for (free_list& list : lists) list.room_bytes = kept_bytes;
  }
  ~owner() {
    ended = true;
    for (free_list& list : lists) {
      list.room_bytes = 0;
      while (list.head != nullptr) ::operator delete(std::exchange(list.head, list.head->next));
    }
  }
};

}  // namespace

void deallocate_slow(void* frame, std::size_t index) noexcept {
  if (!ended) {
    thread_local const owner opened;
    static_cast<void>(opened);
    free_list& list = lists[index];
    const std::size_t rounded = (index + 1) * class_bytes;
    if (list.room_bytes >= rounded) {
      list.room_bytes -= rounded;
      list.head = ::new (frame) free_frame{list.head};
      return;
    }
  }
  ::operator delete(frame);
}

}  // namespace waitwork::frame_pool::detail
