// SPDX-License-Identifier: Apache-2.0
#pragma once
// raw_ring: an io_uring as one sets it up by hand, with the flags that our loop asks for first, and counted like it.
//
// No ladder of fallbacks: compared on a kernel that grants less, the two would not do the same work.

#include <liburing.h>

#include <cerrno>
#include <string>
#include <utility>

#include <waitwork/base/check.hpp>
#include <waitwork/base/environment_error.hpp>
#include <waitwork/io/loop.hpp>
#include <waitwork/io/ring_refusal.hpp>

namespace waitwork::bench {

class raw_ring {
 public:
  explicit raw_ring(unsigned submission_entries = 256,
                    unsigned completion_entries = loop_options().completion_entries) {
    io_uring_params parameters{};
    parameters.flags = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER |
                       IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG;
    parameters.cq_entries = completion_entries;
    const int error = -io_uring_queue_init_params(submission_entries, &ring_, &parameters);
    if (error > 0) {
      refusal why = explain_setup_error(error);
      if (error == EINVAL) why.remedy = "use Linux 6.1 or later";
      throw unsupported_error("set up", "io_uring by hand", std::move(why.cause), std::move(why.remedy));
    }
    io_uring_register_ring_fd(&ring_);
  }
  ~raw_ring() { io_uring_queue_exit(&ring_); }
  raw_ring(const raw_ring&) = delete;
  raw_ring& operator=(const raw_ring&) = delete;

  // The descriptor that other rings know it by.
  int descriptor() const noexcept { return ring_.ring_fd; }
  io_uring* get() noexcept { return &ring_; }
  unsigned setup_flags() const noexcept { return ring_.flags; }
  const loop_counters& counters() const noexcept { return counters_; }

  // An entry for a request; there is one as long as no more than the ring's entries are prepared between two enters.
  io_uring_sqe& entry() {
    io_uring_sqe* const free = io_uring_get_sqe(&ring_);
    WAITWORK_CHECK(free != nullptr, "the submission queue is larger than what is prepared at once");
    ++counters_.submissions;
    return *free;
  }

  unsigned prepared() const noexcept { return io_uring_sq_ready(&ring_); }

  void submit() {
    ++counters_.enters;
    require(io_uring_submit(&ring_));
  }

  // Sleeps until there is a completion at least.
  void submit_and_wait() {
    ++counters_.enters;
    ++counters_.waits;
    require(io_uring_submit_and_wait(&ring_, 1));
  }

  // Calls each(completion) for all that have come, then takes them from the queue.
  template <class Each>
  void reap(Each each) {
    io_uring_cqe* completion = nullptr;
    unsigned head = 0;
    unsigned count = 0;
    io_uring_for_each_cqe(&ring_, head, completion) {
      ++count;
      each(*completion);
    }
    io_uring_cq_advance(&ring_, count);
    counters_.completions += count;
  }

 private:
  static void require(int submitted) {
    WAITWORK_CHECK(submitted >= 0 || submitted == -EINTR, "entering the ring works, or is interrupted by a signal");
  }

  io_uring ring_;
  loop_counters counters_;
};

}  // namespace waitwork::bench
