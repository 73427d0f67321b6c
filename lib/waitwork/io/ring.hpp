// SPDX-License-Identifier: Apache-2.0
#pragma once
// ring: owns one io_uring and knows how to get one.
//
// The flags are the ones that a single-threaded loop wants: completions are run by this thread, when it asks for them
// (DEFER_TASKRUN), instead of interrupting it; the kernel may skip its locking (SINGLE_ISSUER). Kernels that do not
// know a flag answer EINVAL, and the next rung of a ladder is tried. What was granted is recorded, because a figure
// measured with and without DEFER_TASKRUN is not the same figure.
//
// Private to io/: the only header with <liburing.h>.

#include <liburing.h>

#include <cstdint>

#include <waitwork/io/slot_table.hpp>

namespace waitwork {

// io_uring_queue_init_params(3) with patience: a positive errno, or 0. A closed ring gives its locked memory back only
// a little later, on a thread of the kernel (io_ring_exit_work), so that want of memory is asked again for 100 ms.
int set_up_ring(unsigned submission_entries, io_uring& made, io_uring_params& params) noexcept;

class ring {
 public:
  // Throws unsupported_error (refused, missing, no memory that the limits allow: the machine as it is set up cannot
  // have such a ring) or environment_error (out of descriptors).
  ring(unsigned submission_entries, unsigned completion_entries);
  ~ring();
  ring(const ring&) = delete;
  ring& operator=(const ring&) = delete;

  io_uring* get() noexcept { return &ring_; }
  unsigned setup_flags() const noexcept { return ring_.flags; }

  // The next entry of the submission queue, its contents unspecified; null: there is none until the kernel has read
  // some.
  io_uring_sqe* take_entry() noexcept {
    io_uring_sq& queue = ring_.sq;
    if (queue.sqe_tail - read_until_ >= queue.ring_entries) [[unlikely]] {
      read_until_ = __atomic_load_n(queue.khead, __ATOMIC_ACQUIRE);
      if (queue.sqe_tail - read_until_ >= queue.ring_entries) return nullptr;
    }
    return &queue.sqes[queue.sqe_tail++ & queue.ring_mask];
  }

  bool has_completions() const noexcept { return __atomic_load_n(ring_.cq.ktail, __ATOMIC_ACQUIRE) != taken_until_; }

  // Requests that were begun, less completions that were taken; modulo 2^32, as the kernel counts.
  unsigned begun_less_completed() const noexcept { return ring_.sq.sqe_tail - (taken_until_ - first_); }

  // Calls each(user_data, res, flags) for every completion that is there now; how many. each() may do whatever it
  // likes, even take completions: those are not given twice. The kernel gets their places back at the end, all at once
  // (one by one cost a NOP 2 % more).
  template <class Each>
  unsigned take_completions(Each&& each) {
    const io_uring_cqe* const entries = ring_.cq.cqes;
    const unsigned mask = ring_.cq.ring_mask;
    const unsigned end = __atomic_load_n(ring_.cq.ktail, __ATOMIC_ACQUIRE);
    for (unsigned next = taken_until_; static_cast<int>(end - next) > 0;) {
      const io_uring_cqe& entry = entries[next & mask];
      taken_until_ = ++next;
      each(entry.user_data, entry.res, entry.flags);
      if (taken_until_ != next) [[unlikely]]
        next = taken_until_;
    }
    const unsigned taken = taken_until_ - *ring_.cq.khead;
    __atomic_store_n(ring_.cq.khead, taken_until_, __ATOMIC_RELEASE);
    return taken;
  }

  // Kernel work for this thread waits to be run by the next enter.
  bool task_work_pending() const noexcept {
    return (__atomic_load_n(ring_.sq.kflags, __ATOMIC_RELAXED) & IORING_SQ_TASKRUN) != 0;
  }
  bool overflowed() const noexcept { return io_uring_cq_has_overflow(&ring_); }

  // Any thread may have a completion put into it: send_message().
  bool takes_messages() const noexcept { return takes_messages_; }

  // The tables of registered files and buffers.
  slot_table& files() noexcept { return files_; }
  slot_table& buffers() noexcept { return buffers_; }

  // The place in the submission queue of the entry that was taken last.
  unsigned last_position() const noexcept { return ring_.sq.sqe_tail - 1; }

  // The entry at a place, while the kernel has not read it yet; null afterwards.
  io_uring_sqe* unread(unsigned position) noexcept {
    const unsigned head = __atomic_load_n(ring_.sq.khead, __ATOMIC_ACQUIRE);
    const bool read = static_cast<int>(position - head) < 0;
    return read ? nullptr : &ring_.sq.sqes[position & ring_.sq.ring_mask];
  }

  // Requests that the next enter hands over, and were not counted here before it.
  unsigned unsubmitted() const noexcept { return ring_.sq.sqe_tail - ring_.sq.sqe_head; }

  // Calls look(entry) for every request that the next enter hands over.
  template <class Look>
  void for_each_unsubmitted(Look&& look) {
    for (unsigned index = ring_.sq.sqe_head; index != ring_.sq.sqe_tail; ++index) {
      look(ring_.sq.sqes[index & ring_.sq.ring_mask]);
    }
  }

 private:
  io_uring ring_;
  unsigned read_until_ = 0;   // in the submission queue, by the kernel, as far as was looked up
  unsigned first_ = 0;        // in the completion queue, that is not the constructor's
  unsigned taken_until_ = 0;  // there
  bool takes_messages_ = false;
  slot_table files_;
  slot_table buffers_;
};

// Puts a completion with this user_data into the ring behind `ring_fd`, from any thread; a bug if that ring does not
// take messages. Wakes who sleeps on it.
void send_message(int ring_fd, std::uint64_t user_data) noexcept;

}  // namespace waitwork
