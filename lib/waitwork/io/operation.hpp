// SPDX-License-Identifier: Apache-2.0
#pragma once
// operation: one request to the kernel, from submission to its last completion.
//
// The operation is the awaiter and lives in the frame of the coroutine that awaits it: no allocation, and its address
// is the request's user_data. Consequently a frame must not be destroyed while an operation of it is in flight, and
// the awaiter can be neither copied nor moved. The request is written in await_suspend, so an operation that is never
// awaited is never submitted.
//
// Contract of every awaitable in io/: it resumes on its loop's thread, from the loop's turn, never inside
// await_suspend. Buffers belong to the caller and must stay alive and untouched until then; paths and addresses too.
// When a stop is requested the kernel is asked to cancel, and the operation still waits for its own completion: that
// alone says what happened. It gives errc::operation_canceled, or its ordinary outcome if that came first. One that is
// awaited when the stop is already requested gives operation_canceled without asking the kernel, in the next turn.

#include <cerrno>
#include <coroutine>
#include <cstddef>
#include <cstdint>

#include <waitwork/base/result.hpp>
#include <waitwork/coro/cancellation.hpp>
#include <waitwork/coro/ready_queue.hpp>
#include <waitwork/coro/task.hpp>

struct io_uring_sqe;

namespace waitwork {

class operation : public ready_node, private stop_callback {
 public:
  operation() noexcept {}
  bool await_ready() const noexcept { return false; }

 protected:
  ~operation() = default;

  // What one request may ask for: its length is 32 bits, and the kernel itself stops at 2 GiB less one page.
  static unsigned request_bytes(std::size_t bytes) noexcept {
    constexpr std::size_t most = 0x7ffff000;
    return static_cast<unsigned>(bytes < most ? bytes : most);
  }

  // The answer as a byte count or descriptor, or as nothing.
  result<std::size_t> count() const noexcept {
    if (answer() < 0) return errno_error(-answer());
    return static_cast<std::size_t>(answer());
  }
  result<void> nothing() const noexcept {
    if (answer() < 0) return errno_error(-answer());
    return {};
  }
  std::int32_t answer() const noexcept { return outcome_.answer; }

  // The IORING_CQE_F_ flags that came with the answer.
  std::uint32_t answer_flags() const noexcept { return outcome_.flags; }

 private:
  friend class loop;
  template <class Derived>
  friend class operation_of;

  void on_stop() noexcept override;

  struct outcome {
    std::int32_t answer;
    std::uint32_t flags;
  };
  outcome outcome_;  // once it is complete
};

namespace detail {

// Takes a submission entry of the current loop for `asked`, whose waiter is set. Null if `stop` was requested already:
// then the answer is ECANCELED, and there is nothing to prepare. A null `stop` never stops.
io_uring_sqe* begin_operation(operation& asked, stop_source* stop);
io_uring_sqe* begin_urgent_operation(operation& asked, stop_source* stop);

}  // namespace detail

// An operation whose class says in `void prepare(io_uring_sqe&) noexcept` what to ask the kernel, and may say otherwise
// on
//   cancellable  whether a stop request reaches it
//   urgent       whether it keeps a device busy, so that it is better handed over in small batches while coroutines
//                still run (loop_options::submission_batch) than with everything else at the end of the turn
template <class Derived>
class operation_of : public operation {
 public:
  static constexpr bool cancellable = true;
  static constexpr bool urgent = false;

  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> self) {
    waiter = self;
    stop_source* const stop = Derived::cancellable ? detail::stop_of(self) : nullptr;
    io_uring_sqe* const entry =
        Derived::urgent ? detail::begin_urgent_operation(*this, stop) : detail::begin_operation(*this, stop);
    if (entry != nullptr) static_cast<Derived*>(this)->prepare(*entry);
  }
};

}  // namespace waitwork
