// SPDX-License-Identifier: Apache-2.0
#include <waitwork/io/remote_queue.hpp>

#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include <waitwork/base/refusal.hpp>
#include <waitwork/io/ring.hpp>

namespace waitwork {
namespace {

// Never queued: their addresses are states of posted_.
ready_node asleep;
ready_node closed;

unique_fd make_eventfd() {
  unique_fd bell(::eventfd(0, EFD_CLOEXEC));
  if (!bell) throw_call_error("create", "an eventfd", "eventfd", errno);
  return bell;
}

ready_node* reversed(ready_node* newest) noexcept {
  ready_node* oldest = nullptr;
  while (newest != nullptr) {
    ready_node* const next = newest->next;
    newest->next = oldest;
    oldest = newest;
    newest = next;
  }
  return oldest;
}

}  // namespace

remote_queue::remote_queue(ring& ring)
    : eventfd_(ring.takes_messages() ? unique_fd() : make_eventfd()), ring_fd_(ring.get()->ring_fd), posted_(&closed) {}

void remote_queue::ring_bell(bell rung) noexcept {
  if (rung.eventfd < 0) return send_message(rung.ring, bell_data);
  // A bare system call: ThreadSanitizer watches the descriptor in eventfd_write(), but cannot see that the ring's read
  // of it comes before the loop closes it.
  const std::uint64_t once = 1;
  ::syscall(SYS_write, rung.eventfd, &once, sizeof once);
}

// Release: pairs with the poster's load, so that it sees a loop that is ready for it.
void remote_queue::open() noexcept { posted_.store(nullptr, std::memory_order_release); }

bool remote_queue::post(ready_node& node) noexcept {
  const bell rung{eventfd_.get(), ring_fd_};
  ready_node* seen = posted_.load(std::memory_order_acquire);
  do {
    if (seen == &closed) return false;
    node.next = seen == &asleep ? nullptr : seen;
  } while (!posted_.compare_exchange_weak(seen, &node, std::memory_order_release, std::memory_order_acquire));
  // From here on the loop may have taken the node. It is alive only if it was asleep, for then it awaits our ring.
  if (seen == &asleep) ring_bell(rung);
  return true;
}

bool remote_queue::announce_sleep() noexcept {
  ready_node* nothing = nullptr;
  return posted_.compare_exchange_strong(nothing, &asleep, std::memory_order_relaxed, std::memory_order_relaxed);
}

ready_node* remote_queue::take(bool announced) noexcept {
  if (!announced && posted_.load(std::memory_order_relaxed) == nullptr) return nullptr;
  // Acquire: pairs with the poster's release, so that what it computed is visible to the coroutine.
  ready_node* const newest = posted_.exchange(nullptr, std::memory_order_acquire);
  if (newest == &asleep) return nullptr;
  if (announced) ++rings_expected_;
  return reversed(newest);
}

ready_node* remote_queue::close() noexcept { return reversed(posted_.exchange(&closed, std::memory_order_acq_rel)); }

void remote_queue::ring_for_ourselves() noexcept {
  ++rings_expected_;
  ring_bell({eventfd_.get(), ring_fd_});
}

}  // namespace waitwork
