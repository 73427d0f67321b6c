#pragma once
// remote_queue: coroutines handed to a loop by other threads, and the bell that wakes the loop for them.
//
// A stack in one atomic word; posting is one compare-and-swap, and a system call only if the loop sleeps. The bell is
// an eventfd that the loop's ring reads. Every poster that finds the loop asleep rings it exactly once, maybe after
// the loop has been woken by something else; rings are therefore counted, and the loop does not close the bell before
// it has received all that it is owed, because a poster may still be on its way into write().
//
// Shared between the loop and its remotes, so that a late poster finds a closed queue and not a dead one.
// Private to io/.

#include <waitwork/base/unique_fd.hpp>
#include <waitwork/coro/ready_queue.hpp>

#include <atomic>
#include <cstdint>

namespace waitwork {

class remote_queue {
 public:
  // Closed. Throws environment_error if there is no descriptor for the bell.
  remote_queue();
  remote_queue(const remote_queue&) = delete;
  remote_queue& operator=(const remote_queue&) = delete;

  // From any thread: queues `node`, which must stay alive until it is resumed. False: the loop does not run, nothing
  // was queued.
  bool post(ready_node& node) noexcept;

  // The rest is for the loop's thread.

  void open() noexcept;

  // Publishes that the loop is about to sleep. False if something was posted before: then it must not.
  bool announce_sleep() noexcept;

  // What was posted, oldest first. `announced`: announce_sleep() was true before.
  ready_node* take(bool announced) noexcept;

  // The same for the last time: later posts are refused.
  ready_node* close() noexcept;

  int bell() const noexcept { return bell_.get(); }

  // Rings it from the loop's own thread: the loop's last reading of it must complete.
  void ring_for_ourselves() noexcept;

  void received(std::uint64_t rings) noexcept { rings_received_ += rings; }
  bool is_owed_rings() const noexcept { return rings_received_ < rings_expected_; }

 private:
  unique_fd bell_;
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
