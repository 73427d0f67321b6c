// SPDX-License-Identifier: Apache-2.0
#pragma once
// fault_injector: a kernel of bad character, for tests. What it does is decided by a seed alone, so that a failure can
// be repeated.
//
// It only gives answers that a kernel may give: fewer bytes than asked (the request is shortened before it is handed
// over, so that streams stay whole), EINTR and the like (an empty request goes in the place of the real one),
// cancellations that come too late, multishots that end by themselves, completions that come late and in another order.
// Time is its own: it passes in jumps, to the next deadline, when nothing else can happen, so no schedule ever waits
// for a clock; and requests that the kernel's worker threads run are waited for in the turn that makes them, so their
// pace decides nothing.
//
// When nothing can happen any more and somebody still waits, that is a hang, and the program ends.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <waitwork/base/random.hpp>
#include <waitwork/io/fault_seam.hpp>

namespace waitwork {

class loop;

// How often, in 256ths, something happens to a request or a completion that it can happen to.
struct fault_rates {
  unsigned shortened = 0;       // a transfer of fewer bytes
  unsigned interrupted = 0;     // EINTR, to a transfer of bytes
  unsigned refused = 0;         // EINTR, EAGAIN, ECANCELED, EIO, ENOBUFS, ENOMEM, to whatever can fail
  unsigned unbuffered = 0;      // ENOBUFS, to a receive that wants one of the ring's buffers
  unsigned single_shots = 0;    // a multishot that ends with its first completion
  unsigned cut_multishots = 0;  // a multishot is ended, at some suspension
  unsigned late_cancels = 0;    // a cancellation that reaches the kernel later
  unsigned delayed = 0;         // a completion stays behind for a turn
  bool reordered = false;       // completions come in any order that the kernel may give
  unsigned time_jumps = 0;      // time passes, at some suspension: up to jump_most_ns
  std::int64_t jump_most_ns = 0;

  // Without the ones that let a correct program fail.
  fault_rates harmless() const noexcept;
};

// Some mixture of faults, each absent, rare or frequent.
fault_rates fault_rates_from(splitmix64& random) noexcept;

// What happens at one chosen moment. Moments are counted from 0.
struct intervention {
  std::optional<std::uint64_t> stop_at_suspension;  // loop::request_stop() after a coroutine has run
  std::optional<std::uint64_t> stop_at_request;     // before a request is made
  std::optional<std::uint64_t> stop_at_submission;  // while the requests are on their way into the kernel
  std::optional<std::uint64_t> fail_at_submission;  // the answer is -EIO
};

class fault_injector final : public fault_seam {
 public:
  fault_injector(std::uint64_t seed, const fault_rates& rates, const intervention& plan);

  // The loop it was given to; before its run().
  void attach(loop& attached) noexcept { loop_ = &attached; }

  // What has happened so far.
  std::uint64_t suspensions() const noexcept { return suspensions_; }
  std::uint64_t requests() const noexcept { return requests_; }
  std::uint64_t submissions() const noexcept { return submissions_; }
  std::uint64_t faults() const noexcept { return faults_; }
  bool stopped() const noexcept { return stopped_; }

  // A digest of all that happened, in order. Two runs of one seed have the same.
  std::uint64_t trace() const noexcept { return trace_; }

  // Where every submission and completion is told, one a line; null: nowhere.
  std::FILE* log = nullptr;

  // Called before the program is ended: when nothing can happen any more, after an absurd number of turns, and when a
  // request names a descriptor that is closed, which may be a stranger's by the time the kernel looks at it.
  std::function<void(const std::string&)> on_failure;

  std::int64_t now_ns() override { return now_ns_; }
  void requesting() override;
  void submitting(io_uring_sqe& entry) override;
  void completed(const completion& arrived) override;
  bool expects_more() override;
  std::optional<completion> released() override;
  bool may_sleep(std::optional<std::int64_t> deadline_ns) override;
  void suspended() override;

 private:
  // A request in the kernel, or whose last completion the loop has not seen yet.
  struct request {
    std::uint64_t user_data;
    std::uint64_t number;  // in the order of submission
    std::uint8_t opcode;
    bool on_workers;  // run by the kernel's worker threads; surely comes
    bool multishot;
    std::optional<std::int32_t> answer;  // instead of the kernel's
    io_uring_sqe* entry;                 // until it is handed over
    bool arrived;                        // its last completion is here
    bool owes_notification;              // a zero-copy send whose outcome is here, and the kernel still reads its data
  };
  struct held_completion {
    completion held;
    std::uint64_t number;
    bool last;
  };

  bool chance(unsigned rate) noexcept { return rate > 0 && random_.below(256) < rate; }
  request* find(std::uint64_t user_data) noexcept;
  void note(const char* what, std::uint64_t number, std::int64_t detail, std::uint32_t flags = 0) noexcept;
  void refuse(request& asked, int error) noexcept;
  void answer_instead(request& asked, std::int32_t answer) noexcept;
  void alter(request& asked, io_uring_sqe& entry) noexcept;
  void alter_cancel(io_uring_sqe& entry) noexcept;
  void stop();
  bool ask_to_cancel(std::uint64_t user_data);
  void cancel_late(bool all);
  bool awaits_notifications();
  [[noreturn]] void fail(const char* what);

  splitmix64 random_;
  fault_rates rates_;
  intervention plan_;
  loop* loop_ = nullptr;
  std::int64_t now_ns_ = 1'000'000'000;

  std::vector<request> in_flight_;
  std::vector<held_completion> arrived_;  // in this turn
  std::vector<held_completion> held_;
  std::vector<held_completion> notified_;  // by which zero-copy sends end
  std::vector<std::uint64_t> late_;        // whose cancellation is still to be asked for
  std::size_t on_workers_ = 0;
  std::size_t quota_ = 0;  // completions that are still released in this turn
  bool releasing_ = false;
  bool must_release_ = false;
  bool used_workers_ = false;  // in this turn
  bool notifying_ = false;     // in this turn, notified_ and what is still owed
  bool stopped_ = false;
  unsigned idle_turns_ = 0;

  std::uint64_t suspensions_ = 0;
  std::uint64_t requests_ = 0;
  std::uint64_t submissions_ = 0;
  std::uint64_t faults_ = 0;
  std::uint64_t turns_ = 0;
  std::uint64_t trace_ = 0;
};

}  // namespace waitwork
