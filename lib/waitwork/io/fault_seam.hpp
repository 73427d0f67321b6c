// SPDX-License-Identifier: Apache-2.0
#pragma once
// fault_seam: where a test stands between a loop and the kernel.
//
// Every request passes submitting() just before the kernel gets it, every completion passes completed() before
// anything of it is believed, and the clock is asked through now_ns(). So a test can make any answer that a kernel may
// give (short counts, EINTR, lost multishot, any order) happen at a chosen moment, and let time pass without waiting.
// One pointer that is null in production: a predictable branch per kernel entry and per request, none per coroutine.

#include <cstdint>
#include <optional>

struct io_uring_sqe;

namespace waitwork {

struct completion {
  std::uint64_t user_data;
  std::int32_t answer;
  std::uint32_t flags;
};

class fault_seam {
 public:
  virtual ~fault_seam() = default;

  // The loop's clock, CLOCK_MONOTONIC unless the test says otherwise.
  virtual std::int64_t now_ns() = 0;

  // A coroutine is about to make a request, of which nothing has been written or looked at yet.
  virtual void requesting() {}

  // A request that is about to be handed over, once each; may be altered.
  virtual void submitting(io_uring_sqe& entry) = 0;

  // A completion has come out of the ring. The seam keeps it until released() gives it back.
  virtual void completed(const completion& arrived) = 0;

  // All that has arrived has passed completed(): whether the loop must wait for one more completion, which surely
  // comes, before it goes on. So the pace of the kernel's worker threads does not matter to a test.
  virtual bool expects_more() { return false; }

  // The next completion that the loop may see in this turn; nothing when it has seen all that it shall.
  virtual std::optional<completion> released() = 0;

  // Before the loop sleeps until `deadline_ns` (or for ever): whether it may, or must take another turn.
  virtual bool may_sleep(std::optional<std::int64_t> deadline_ns) = 0;

  // A coroutine has run and is suspended again, or has ended.
  virtual void suspended() = 0;
};

}  // namespace waitwork
