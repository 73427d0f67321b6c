// SPDX-License-Identifier: Apache-2.0
#pragma once
// remote_queue: coroutines handed to a loop by other threads, and the bell that wakes the loop for them.
//
// A stack in one atomic word; posting is one compare-and-swap, and a system call only if the loop sleeps. Every poster
// that finds the loop asleep rings the bell exactly once, maybe after the loop has been woken by something else; rings
// are therefore counted, and the loop does not close the bell before it has received all that it is owed, because a
// poster may still be on its way into the kernel.
//
// The bell is a message to the loop's ring (IORING_REGISTER_SEND_MSG_RING, Linux 6.13); where the kernel lacks it, an
// eventfd that the ring reads. Waking a loop that sleeps on another CPU took 31 us by message, 40 by eventfd, 40 by a
// futex in the ring and 38 by a plain futex, and the loop 4 us of CPU against 10 to 12 (two virtual CPUs, medians of 15
// rounds of 2,000 wakes); on the same CPU they do not differ. Most of it is the halted CPU's awakening.
//
// Shared between the loop and its remotes, so that a late poster finds a closed queue and not a dead one.
// Private to io/.

#include <atomic>
#include <cstdint>

#include <waitwork/base/unique_fd.hpp>
#include <waitwork/coro/ready_queue.hpp>

namespace waitwork {

class ring;

// The user_data of a ring's completion.
inline constexpr std::uint64_t bell_data = 2;

class remote_queue {
 public:
  // Closed. The bell sends to `ring`, or is an eventfd; which, the kernel decides. Throws environment_error if there is
  // no descriptor for it.
  explicit remote_queue(ring& ring);
  remote_queue(const remote_queue&) = delete;
  remote_queue& operator=(const remote_queue&) = delete;

  // From any thread: queues `node`, which must stay alive until it is resumed. False: the loop does not run, nothing
  // was queued.
  bool post(ready_node& node) noexcept;

  // The rest is for the loop's thread.

  void open() noexcept;

  // Something was posted that was not taken. While the loop is awake.
  bool has_posts() const noexcept { return posted_.load(std::memory_order_relaxed) != nullptr; }

  // Publishes that the loop is about to sleep. False if something was posted before: then it must not.
  bool announce_sleep() noexcept;

  // What was posted, oldest first. `announced`: announce_sleep() was true before.
  ready_node* take(bool announced) noexcept;

  // The same for the last time: later posts are refused.
  ready_node* close() noexcept;

  // What the ring has to read to hear the bell; negative: nothing, rings come as completions of their own.
  int eventfd() const noexcept { return eventfd_.get(); }

  // Rings it from the loop's own thread: the loop's last reading of it must complete.
  void ring_for_ourselves() noexcept;

  void received(std::uint64_t rings) noexcept { rings_received_ += rings; }
  bool is_owed_rings() const noexcept { return rings_received_ < rings_expected_; }

 private:
  // What a poster needs to ring; copied before it posts, because afterwards the queue may be gone.
  struct bell {
    int eventfd;
    int ring;
  };
  static void ring_bell(bell rung) noexcept;

  unique_fd eventfd_;
  int ring_fd_;
  std::uint64_t rings_received_ = 0;
  std::uint64_t rings_expected_ = 0;

  // Written by other threads, so kept off the cache lines above. States:
  //   &closed        no loop runs: posts are refused
  //   nullptr        awake, nothing posted
  //   &asleep        about to sleep or sleeping, nothing posted: the first poster rings the bell
  //   anything else  the newest of a stack of posted nodes
  alignas(64) std::atomic<ready_node*> posted_;
};

}  // namespace waitwork
