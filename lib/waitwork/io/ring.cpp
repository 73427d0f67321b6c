#include <waitwork/io/ring.hpp>

#include <cerrno>
#include <string>

#include <waitwork/base/environment_error.hpp>
#include <waitwork/io/probe.hpp>

namespace waitwork {
namespace {

constexpr unsigned always = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;

// From what a 6.1 kernel grants down to what 5.11 does.
constexpr unsigned ladder[] = {
    always | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
        IORING_SETUP_TASKRUN_FLAG,
    always | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
    always | IORING_SETUP_SUBMIT_ALL,
    always,
};

}  // namespace

ring::ring(unsigned submission_entries, unsigned completion_entries) {
  int error = 0;
  for (const unsigned flags : ladder) {
    io_uring_params params{};
    params.flags = flags;
    params.cq_entries = completion_entries;
    error = -io_uring_queue_init_params(submission_entries, &ring_, &params);
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
      return;
    }
    if (error != EINVAL) break;
  }
  const refusal why = explain_setup_error(error);
  const bool lacking = error == EPERM || error == EACCES || error == ENOSYS || error == EINVAL;
  if (lacking) throw unsupported_error("set up", "io_uring", why.cause, why.remedy);
  throw environment_error("set up", "io_uring", why.cause, why.remedy);
}

ring::~ring() { io_uring_queue_exit(&ring_); }

}  // namespace waitwork
