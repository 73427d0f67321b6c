// SPDX-License-Identifier: Apache-2.0
#include <waitwork/io/ring.hpp>

#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <utility>

#include <waitwork/base/check.hpp>
#include <waitwork/base/environment_error.hpp>
#include <waitwork/io/ring_refusal.hpp>

#if defined(__SANITIZE_THREAD__)
#define WAITWORK_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WAITWORK_THREAD_SANITIZER 1
#endif
#endif

// ThreadSanitizer does not see the system calls by which liburing unmaps a ring, and takes the next ring at the same
// address, maybe another thread's, for the same memory. So for it every ring's end comes before each later one's
// beginning.
#ifdef WAITWORK_THREAD_SANITIZER
extern "C" void __tsan_acquire(void* address);
extern "C" void __tsan_release(void* address);
#endif

namespace waitwork {
namespace {

#ifdef WAITWORK_THREAD_SANITIZER
char end_of_rings;
void after_every_ring_so_far() noexcept { __tsan_acquire(&end_of_rings); }
void before_every_later_ring() noexcept { __tsan_release(&end_of_rings); }
#else
void after_every_ring_so_far() noexcept {}
void before_every_later_ring() noexcept {}
#endif

constexpr unsigned always = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;

// From what a 6.1 kernel grants down to what 5.11 does.
constexpr unsigned ladder[] = {
    always | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
        IORING_SETUP_TASKRUN_FLAG,
    always | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
    always | IORING_SETUP_SUBMIT_ALL,
    always,
};

// Of <linux/io_uring.h>, Linux 6.13; liburing 2.3 does not name it.
constexpr unsigned register_send_msg_ring = 31;

// A positive errno, or 0.
int try_send_message(int ring_fd, std::uint64_t user_data) noexcept {
  io_uring_sqe message{};
  io_uring_prep_msg_ring(&message, ring_fd, 0, user_data, 0);
  return ::syscall(SYS_io_uring_register, -1, register_send_msg_ring, &message, 1) == 0 ? 0 : errno;
}

[[noreturn]] void refuse(std::string_view call, int error) {
  refusal why = explain_ring_error(call, error);
  const bool lacking = is_lacking(error) || error == EINVAL || error == ENOMEM;
  if (lacking) throw unsupported_error("set up", "io_uring", std::move(why.cause), std::move(why.remedy));
  throw environment_error("set up", "io_uring", std::move(why.cause), std::move(why.remedy));
}

// Calls try_it() until its answer, a negative errno or none, is not one that another try may change. A positive errno,
// or 0. Not for ever: a filter may give any error to any call.
template <class Try>
int until_not_passing(Try try_it) noexcept {
  int answer = 0;
  for (int tries = 0; tries < 1000; ++tries) {
    answer = try_it();
    if (answer != -EINTR && answer != -EAGAIN && answer != -EBUSY) break;
  }
  return answer < 0 ? -answer : 0;
}

// A filter may allow rings to be made and not to be entered. Nothing else could fail in so empty a call, and the loop
// relies on it.
int try_to_enter(io_uring* ring) noexcept {
  return until_not_passing([ring] { return io_uring_get_events(ring); });
}

// Sends the ring a message and takes it out again: what the kernel can do is found out by doing it. False: it takes
// none. Sets `error` if one was sent and does not arrive.
bool takes_a_message(io_uring* ring, int& error) noexcept {
  if (try_send_message(ring->ring_fd, 0) != 0) return false;
  io_uring_cqe* arrived = nullptr;
  error = until_not_passing([&] { return io_uring_wait_cqe(ring, &arrived); });
  if (error != 0) return false;
  io_uring_cqe_seen(ring, arrived);
  return true;
}

}  // namespace

int set_up_ring(unsigned submission_entries, io_uring& made, io_uring_params& params) noexcept {
  constexpr timespec pause{0, 5'000'000};
  const io_uring_params asked = params;
  int error = 0;
  for (int turn = 0; turn < 20; ++turn) {
    params = asked;
    error = -io_uring_queue_init_params(submission_entries, &made, &params);
    if (error != ENOMEM) break;
    ::nanosleep(&pause, nullptr);
  }
  return error;
}

ring::ring(unsigned submission_entries, unsigned completion_entries) {
  int error = 0;
  for (const unsigned flags : ladder) {
    io_uring_params params{};
    params.flags = flags;
    params.cq_entries = completion_entries;
    error = set_up_ring(submission_entries, ring_, params);
    after_every_ring_so_far();
    if (error == 0 && (params.features & IORING_FEAT_EXT_ARG) == 0) {
      // liburing would then make each timed wait a request of its own, whose completion is none of ours.
      io_uring_queue_exit(&ring_);
      throw unsupported_error("set up", "io_uring", "the kernel cannot wait for completions with a timeout",
                              "use Linux 5.11 or later");
    }
    if (error == 0) {
      // Saves the descriptor look-up on every enter (about 12 % of an empty one). Kernels before 5.18 lack it, and the
      // ring works the same without.
      io_uring_register_ring_fd(&ring_);
      int refused = try_to_enter(&ring_);
      takes_messages_ = refused == 0 && takes_a_message(&ring_, refused);
      if (refused != 0) {
        io_uring_queue_exit(&ring_);
        refuse("io_uring_enter", refused);
      }
      first_ = taken_until_ = *ring_.cq.khead;
      return;
    }
    if (error != EINVAL) break;
  }
  refuse("io_uring_setup", error);
}

ring::~ring() {
  before_every_later_ring();
  io_uring_queue_exit(&ring_);
}

// Nothing that a sender could do wrong: it may only have to wait, for memory or for the ring's owner to make room.
void send_message(int ring_fd, std::uint64_t user_data) noexcept {
  for (;;) {
    const int error = try_send_message(ring_fd, user_data);
    if (error == 0) return;
    WAITWORK_CHECK(error == EINTR || error == EAGAIN || error == ENOMEM || error == EOVERFLOW || error == EBUSY,
                   "a ring that took one message takes another");
    ::sched_yield();
  }
}

}  // namespace waitwork
